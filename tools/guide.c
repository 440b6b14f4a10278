/* What to do now, in plain words: for somebody who is frightened and has little time.
 *
 * Facts: StopNCII.org is for people of 18 and over; Take It Down (NCMEC) for images taken when the
 * person was under 18, whatever their age now (takeitdown.ncmec.org/faq). Extortion: Penal Code of
 * Malaysia, section 383. Talian Kasih 15999 and police 999 are national lines; MCMC takes complaints
 * about content online.
 */
#include "guide.h"

#include <stdlib.h>
#include <string.h>

static const char english[] =
    "What to do now\n"
    "\n"
    "It is not your fault. Somebody else is doing something wrong. You are not alone, and there\n"
    "are people whose work it is to help. One step at a time is enough.\n"
    "\n"
    "1. Stop answering. Do not pay, and do not send more pictures. Paying seldom ends it: mostly\n"
    "   they ask for more. If you have paid already, you can still stop now.\n"
    "2. Keep evidence first, then block. Save the chats, names, links, phone and account numbers,\n"
    "   and when it happened (screenshots are fine). Then report and block the accounts.\n"
    "3. Make your accounts safe: a new, strong password for each one, two-factor authentication,\n"
    "   and a friends list that strangers cannot see.\n"
    "4. Tell somebody you trust: a friend, a relative, a teacher, a counsellor. This is too heavy\n"
    "   to carry alone. If you are in danger, or think of hurting yourself, call for help now.\n"
    "5. Going to the police is your choice. To threaten somebody for money or pictures is a\n"
    "   crime: extortion (in Malaysia: Penal Code, section 383). Bring your evidence, and ask for\n"
    "   a copy of the report. You need not show the pictures to everybody who asks.\n"
    "   If they refuse to take the report, or blame you: you did nothing wrong. Note the name,\n"
    "   station and time, ask for a senior officer or go to another station, take somebody with\n"
    "   you, or ask a lawyer or legal aid for help.\n"
    "6. Look where your pictures turn up, and note the link, date and account. Report them to the\n"
    "   site itself, too: most have a form for intimate images. For folders of files that were\n"
    "   found or sent to you, 'phash scan' finds the copies.\n"
    "7. Have copies blocked, without sending your pictures to anybody:\n"
    "   - 18 or over: https://stopncii.org\n"
    "   - in the picture when you were under 18, whatever your age now:\n"
    "     https://takeitdown.ncmec.org\n"
    "   - a hotline that takes case files of this program: give it the case file, sealed to its\n"
    "     key if it gave you one. Keep the case number and the PIN apart from it; with both you\n"
    "     can ask how it stands, and withdraw it at any time.\n"
    "\n"
    "In Malaysia: emergencies and police 999. Talian Kasih 15999: counselling and protection, day\n"
    "and night. MCMC, for content online: https://aduan.mcmc.gov.my\n"
    "\n"
    "If somebody else uses this computer or phone: the case file is all that this program leaves\n"
    "behind. Keep it on a stick or another device if that is safer, and clear the list of "
    "commands\n"
    "of the terminal.\n";

static const char malay[] =
    "Apa yang boleh dilakukan sekarang\n"
    "\n"
    "Ini bukan salah anda. Orang lain yang melakukan kesalahan. Anda tidak keseorangan, dan ada\n"
    "orang yang tugasnya membantu. Satu langkah demi satu langkah sudah memadai.\n"
    "\n"
    "1. Berhenti membalas. Jangan bayar, dan jangan hantar gambar lagi. Membayar jarang\n"
    "   menamatkannya: selalunya mereka meminta lagi. Jika sudah membayar, anda masih boleh\n"
    "   berhenti sekarang.\n"
    "2. Simpan bukti dahulu, kemudian sekat. Simpan perbualan, nama, pautan, nombor telefon dan\n"
    "   nombor akaun, serta bila ia berlaku (tangkapan skrin memadai). Kemudian laporkan dan\n"
    "   sekat akaun itu.\n"
    "3. Selamatkan akaun anda: kata laluan baharu yang kuat bagi setiap akaun, pengesahan dua\n"
    "   faktor, dan senarai rakan yang tidak dapat dilihat orang tidak dikenali.\n"
    "4. Beritahu seseorang yang anda percayai: rakan, ahli keluarga, guru atau kaunselor. Ini\n"
    "   terlalu berat untuk ditanggung seorang diri. Jika anda dalam bahaya, atau terfikir untuk\n"
    "   mencederakan diri, hubungi bantuan sekarang.\n"
    "5. Membuat laporan polis ialah pilihan anda. Mengugut seseorang untuk wang atau gambar ialah\n"
    "   jenayah: pemerasan (di Malaysia: Kanun Keseksaan, seksyen 383). Bawa bukti anda, dan\n"
    "   minta salinan laporan. Anda tidak perlu menunjukkan gambar kepada semua yang meminta.\n"
    "   Jika laporan ditolak, atau anda dipersalahkan: anda tidak bersalah. Catat nama, balai dan\n"
    "   masa, minta berjumpa pegawai kanan atau pergi ke balai lain, bawa seseorang bersama, atau\n"
    "   minta bantuan peguam atau bantuan guaman.\n"
    "6. Cari di mana gambar anda muncul, dan catat pautan, tarikh serta akaun. Laporkan juga\n"
    "   kepada laman itu sendiri: kebanyakannya ada borang untuk gambar intim. Bagi folder fail\n"
    "   yang ditemui atau dihantar kepada anda, 'phash scan' mencari salinannya.\n"
    "7. Minta salinan disekat, tanpa menghantar gambar anda kepada sesiapa:\n"
    "   - berumur 18 tahun ke atas: https://stopncii.org\n"
    "   - anda bawah 18 tahun semasa gambar diambil, berapa pun umur anda kini:\n"
    "     https://takeitdown.ncmec.org\n"
    "   - talian bantuan yang menerima fail kes program ini: beri fail kes itu, dimeterai dengan\n"
    "     kunci mereka jika ada. Simpan nombor kes dan PIN berasingan daripadanya; dengan\n"
    "     kedua-duanya anda boleh bertanya tentang kes anda, dan menariknya balik bila-bila masa.\n"
    "\n"
    "Di Malaysia: kecemasan dan polis 999. Talian Kasih 15999: kaunseling dan perlindungan, siang\n"
    "dan malam. MCMC, untuk kandungan dalam talian: https://aduan.mcmc.gov.my\n"
    "\n"
    "Jika orang lain menggunakan komputer atau telefon ini: fail kes sahaja yang ditinggalkan "
    "oleh\n"
    "program ini. Simpan fail itu dalam pemacu USB atau peranti lain jika lebih selamat, dan\n"
    "kosongkan senarai arahan pada terminal.\n";

const char *guide_text(const char *language)
{
    return !strcmp(language, "en") ? english : !strcmp(language, "ms") ? malay : NULL;
}

const char *guide_language(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return !strncmp(value, "ms", 2) && (!value[2] || strchr("_.@", value[2])) ? "ms" : "en";
    }
    return "en";
}

const char *guide_featureless(const char *language)
{
    return !strcmp(language, "ms")
               ? "tidak dimasukkan: gambar terlalu kosong atau kabur, dan akan disalah kenal "
                 "sebagai "
                 "gambar lain. Cuba gambar asal, atau versi yang tidak dipotong; jika tiada, "
                 "laporkan gambar itu terus kepada laman web"
               : "left out: too plain or too blurred, it would be mistaken for other pictures. Try "
                 "the original, or a copy that is not cut; if there is none, report the picture to "
                 "the site itself";
}
