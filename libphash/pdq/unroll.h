/* Sixteen steps, each of which knows its number when it is compiled. Sanitizers, and compilers that do
 * not optimize, would take minutes over so much code; with them it is a loop, which reads and writes the
 * same. */
#ifndef PHASH_PDQ_UNROLL_H
#define PHASH_PDQ_UNROLL_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define PDQ_LOOPED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PDQ_LOOPED 1
#endif
#endif

#ifdef PDQ_LOOPED
#define PDQ_SIXTEEN(step)                                                                          \
    for (int number = 0; number < 16; number++) {                                                  \
        step(number);                                                                              \
    }
#else
#define PDQ_SIXTEEN(step)                                                                          \
    step(0);                                                                                       \
    step(1);                                                                                       \
    step(2);                                                                                       \
    step(3);                                                                                       \
    step(4);                                                                                       \
    step(5);                                                                                       \
    step(6);                                                                                       \
    step(7);                                                                                       \
    step(8);                                                                                       \
    step(9);                                                                                       \
    step(10);                                                                                      \
    step(11);                                                                                      \
    step(12);                                                                                      \
    step(13);                                                                                      \
    step(14);                                                                                      \
    step(15);
#endif

#endif
