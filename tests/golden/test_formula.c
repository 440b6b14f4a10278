/* PDQ of the formula images, as the reference computes it: needs no decoder and no file but the
 * table. */
#include "check_main.h"
#include "formula_table.h"

START_TEST(formula_images_hash_as_the_reference_says)
{
    printf("%u rows\n", check_formula_table(FIXTURES, "pdq-formula.tsv"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("formula");
    TCase *t = tcase_create("formula");
    tcase_set_timeout(t, 240);
    tcase_add_test(t, formula_images_hash_as_the_reference_says);
    suite_add_tcase(s, t);
    return test_main(s);
}
