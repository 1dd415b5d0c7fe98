// For fopencookie.
#define _GNU_SOURCE
#include "CAvro.h"

#ifdef __APPLE__
static int read_stream(void *cookie, char *buffer, int size) {
    CAvroStream *stream = cookie;
    return (int)stream->read(stream->source, buffer, (size_t)size);
}

FILE *c_avro_file(CAvroStream *stream) { return funopen(stream, read_stream, NULL, NULL, NULL); }
#else
#include <sys/types.h>

static ssize_t read_stream(void *cookie, char *buffer, size_t size) {
    CAvroStream *stream = cookie;
    return (ssize_t)stream->read(stream->source, buffer, size);
}

FILE *c_avro_file(CAvroStream *stream) {
    cookie_io_functions_t functions = {read_stream, NULL, NULL, NULL};
    return fopencookie(stream, "rb", functions);
}
#endif
