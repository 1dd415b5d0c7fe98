#ifndef PARQUET_BRIDGE_HPP
#define PARQUET_BRIDGE_HPP

#include "CParquet.h"

#include <arrow/status.h>

#include <cstdlib>
#include <cstring>
#include <exception>

/// Runs what may fail by its status or by an exception; the message tells how.
template <typename Body>
bool succeeds(char **message, Body body) {
    try {
        arrow::Status status = body();
        if (status.ok()) return true;
        *message = strdup(status.message().c_str());
    } catch (const std::exception &error) {
        *message = strdup(error.what());
    } catch (...) {
        *message = strdup("unknown error");
    }
    return false;
}

CParquetWriter *parquet_create(
    const CParquetOutput *columns, int32_t count, CParquetWrite write, void *target, char **message);
int32_t parquet_append(CParquetWriter *writer, int64_t rows, const CParquetValues *columns, char **message);
int32_t parquet_state(CParquetWriter *writer, const char *key, const char *value, char **message);
int32_t parquet_finish(CParquetWriter *writer, char **message);
void parquet_discard(CParquetWriter *writer);
int32_t parquet_write_schema(const char *path, CParquetWrite write, void *target, char **message);

#endif
