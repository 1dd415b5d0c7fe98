#ifndef C_PARQUET_H
#define C_PARQUET_H

#include <stdint.h>

// Parquet by Apache Arrow's C++ libraries, as C: loaded at run time by whoever meets such a file. No exception leaves it. Texts
// that it hands out live as long as what handed them out; messages are freed by `c_parquet_free`.

#ifdef __cplusplus
extern "C" {
#endif

/// What the values of a column are.
enum CParquetKind { c_parquet_text, c_parquet_integer, c_parquet_single, c_parquet_double, c_parquet_logical, c_parquet_other };

typedef struct {
    /// Fields of structures are `outer.inner`.
    const char *name;
    enum CParquetKind kind;
    /// Lists: several values a row.
    int is_array;
    /// Of the field's metadata, may be empty.
    const char *unit;
} CParquetColumn;

typedef struct {
    /// One a row, or those of all rows one after the other; NaN where null.
    const double *values;
    /// Of lists: where the values of each row end; else NULL.
    const int64_t *ends;
} CParquetNumbers;

typedef struct {
    const char *bytes;
    /// Where the text of each row ends; null is empty.
    const int64_t *ends;
} CParquetTexts;

typedef struct CParquetReader CParquetReader;

/// A column that is written: `c_parquet_text`, `_integer`, `_double`, or `_single` and `_logical` with as many values a row as
/// `width` says, both given as singles.
typedef struct {
    /// `outer.inner` is a field of a structure; those of one structure follow each other.
    const char *name;
    enum CParquetKind kind;
    /// Values in a list; 0 for one a row without a list.
    int64_t width;
    const char *unit;
    const char *meaning;
} CParquetOutput;

/// Values of a column, by its kind.
typedef struct {
    const double *doubles;
    const int64_t *integers;
    const float *singles;
    CParquetTexts texts;
} CParquetValues;

/// Takes bytes; 0 where it could.
typedef int32_t (*CParquetWrite)(void *target, const void *bytes, int64_t count);

typedef struct CParquetWriter CParquetWriter;

/// Of this page: a library that was built from another is refused.
enum { c_parquet_version = 2 };

/// All functions at once, found by the name `c_parquet`.
typedef struct {
    int32_t version;
    /// Opens a file; NULL with a message where it cannot be.
    CParquetReader *(*open)(const char *path, char **message);
    void (*close)(CParquetReader *reader);
    int64_t (*row_count)(const CParquetReader *reader);
    int32_t (*column_count)(const CParquetReader *reader);
    CParquetColumn (*column)(const CParquetReader *reader, int32_t index);
    /// What the file says of itself under a key; NULL where it says nothing.
    const char *(*statement)(const CParquetReader *reader, const char *key);
    /// Reads the next rows, `most` of them at the most; their number, 0 at the end, -1 with a message.
    int64_t (*next)(CParquetReader *reader, int64_t most, char **message);
    /// Numbers of a column in the rows that were read last.
    int32_t (*numbers)(CParquetReader *reader, int32_t column, CParquetNumbers *out, char **message);
    /// Texts of a column of one value a row; whole numbers with all of their digits.
    int32_t (*texts)(CParquetReader *reader, int32_t column, CParquetTexts *out, char **message);
    /// Begins a file; NULL with a message where it cannot be.
    CParquetWriter *(*create)(
        const CParquetOutput *columns, int32_t count, CParquetWrite write, void *target, char **message);
    /// Adds rows; -1 with a message.
    int32_t (*append)(CParquetWriter *writer, int64_t rows, const CParquetValues *columns, char **message);
    /// Lets the file say something of itself.
    int32_t (*state)(CParquetWriter *writer, const char *key, const char *value, char **message);
    /// Writes what is left; -1 with a message.
    int32_t (*finish)(CParquetWriter *writer, char **message);
    void (*discard)(CParquetWriter *writer);
    /// Writes a file of the columns of another, without rows; -1 with a message.
    int32_t (*write_schema)(const char *path, CParquetWrite write, void *target, char **message);
    void (*free)(char *message);
} CParquet;

const CParquet *c_parquet(void);

#ifdef __cplusplus
}
#endif

#endif
