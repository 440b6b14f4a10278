/* guide.h: what to do now, in plain words. */
#ifndef PHASH_TOOLS_GUIDE_H
#define PHASH_TOOLS_GUIDE_H

/* The text in "en" or "ms"; NULL for another language. */
const char *guide_text(const char *language);

/* The language of the locale: "ms" or "en". */
const char *guide_language(void);

/* What can be done with an image that has too few features. */
const char *guide_featureless(const char *language);

#endif
