#include "environment.h"
#include "study.h"

json_t *environment_dataset(const struct study *s)
{
    json_t *groups = json_array();
    for (size_t first = 0; first < s->set.count; first++) {
        json_t *members = json_array();
        for (size_t i = first; s->group[first] == first && i < s->set.count; i++)
            if (s->group[i] == first)
                json_array_append_new(members, json_string(s->set.items[i].name));
        if (json_array_size(members) > 1)
            json_array_append(groups, members);
        json_decref(members);
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:I, s:o}", "digest",
                     s->set.digest, "pictures", (json_int_t)s->set.count, "exact_copies",
                     (json_int_t)s->set.copies, "undecoded", (json_int_t)s->undecoded, "small",
                     (json_int_t)s->small_count, "featureless", (json_int_t)s->featureless,
                     "counted", (json_int_t)s->counted_count, "min_quality", s->options.quality,
                     "min_side", s->options.side_min, "max_side", s->options.side, "group_radius",
                     (int)s->options.group_radius, "seed", (json_int_t)s->options.seed, "groups",
                     groups);
}
