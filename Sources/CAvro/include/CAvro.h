#ifndef C_AVRO_H
#define C_AVRO_H

#include <avro.h>
#include <stdio.h>

/// Hands out the next bytes, at most `size`; 0 at the end.
typedef size_t (*CAvroRead)(void *source, char *buffer, size_t size);

typedef struct {
    CAvroRead read;
    void *source;
} CAvroStream;

/// A file whose bytes come from a function; NULL without memory. The stream has to outlive it.
FILE *c_avro_file(CAvroStream *stream);

// avro-c offers the methods of its values as macros, which Swift does not see.
static inline avro_type_t c_avro_schema_type(avro_schema_t schema) { return avro_typeof(schema); }
static inline avro_type_t c_avro_type(const avro_value_t *value) { return avro_value_get_type(value); }
static inline int c_avro_boolean(const avro_value_t *value, int *out) { return avro_value_get_boolean(value, out); }
static inline int c_avro_int(const avro_value_t *value, int32_t *out) { return avro_value_get_int(value, out); }
static inline int c_avro_long(const avro_value_t *value, int64_t *out) { return avro_value_get_long(value, out); }
static inline int c_avro_float(const avro_value_t *value, float *out) { return avro_value_get_float(value, out); }
static inline int c_avro_double(const avro_value_t *value, double *out) { return avro_value_get_double(value, out); }
static inline int c_avro_string(const avro_value_t *value, const char **text, size_t *size) {
    return avro_value_get_string(value, text, size);
}
static inline int c_avro_enum(const avro_value_t *value, int *out) { return avro_value_get_enum(value, out); }
static inline int c_avro_size(const avro_value_t *value, size_t *size) { return avro_value_get_size(value, size); }
static inline int c_avro_item(const avro_value_t *value, size_t index, avro_value_t *item) {
    return avro_value_get_by_index(value, index, item, NULL);
}
static inline int c_avro_branch(const avro_value_t *value, int *which, avro_value_t *branch) {
    int failed = avro_value_get_discriminant(value, which);
    return failed ? failed : avro_value_get_current_branch(value, branch);
}
static inline const char *c_avro_enum_name(const avro_value_t *value, int which) {
    return avro_schema_enum_get(avro_value_get_schema(value), which);
}
static inline void c_avro_release(avro_value_iface_t *kind, avro_value_t *value) {
    avro_value_decref(value);
    avro_value_iface_decref(kind);
}

#endif
