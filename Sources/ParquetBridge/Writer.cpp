#include "Bridge.hpp"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/io/interfaces.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace {

/// Bytes go where the caller takes them, so that a file is whole or not there.
class Target final : public arrow::io::OutputStream {
public:
    Target(CParquetWrite write, void *target) : write_(write), target_(target) {}

    arrow::Status Write(const void *data, int64_t count) override {
        if (write_(target_, data, count) != 0) return arrow::Status::IOError("cannot be written");
        place_ += count;
        return arrow::Status::OK();
    }
    arrow::Result<int64_t> Tell() const override { return place_; }
    arrow::Status Close() override {
        closed_ = true;
        return arrow::Status::OK();
    }
    bool closed() const override { return closed_; }

private:
    CParquetWrite write_;
    void *target_;
    int64_t place_ = 0;
    bool closed_ = false;
};

std::shared_ptr<arrow::Field> field_of(const CParquetOutput &column) {
    std::shared_ptr<arrow::DataType> type;
    switch (column.kind) {
        case c_parquet_integer: type = arrow::int64(); break;
        case c_parquet_single: type = arrow::float32(); break;
        case c_parquet_double: type = arrow::float64(); break;
        case c_parquet_logical: type = arrow::boolean(); break;
        default: type = arrow::utf8();
    }
    if (column.width > 0) type = arrow::list(type);
    auto facts = std::make_shared<arrow::KeyValueMetadata>();
    if (*column.unit) facts->Append("unit", column.unit);
    if (*column.meaning) facts->Append("description", column.meaning);
    const char *dot = strchr(column.name, '.');
    return arrow::field(dot ? dot + 1 : column.name, type, true, facts);
}

/// `outer` of `outer.inner`; empty for a column by itself.
std::string structure_of(const CParquetOutput &column) {
    const char *dot = strchr(column.name, '.');
    return dot ? std::string(column.name, dot) : std::string();
}

/// Lets Arrow see numbers that stay the caller's.
template <typename Number>
std::shared_ptr<arrow::Buffer> seen(const Number *values, int64_t count) {
    return std::make_shared<arrow::Buffer>(reinterpret_cast<const uint8_t *>(values), count * int64_t(sizeof(Number)));
}

arrow::Result<std::shared_ptr<arrow::Array>> array_of(
    const CParquetOutput &column, const CParquetValues &values, int64_t rows) {
    int64_t count = rows * std::max<int64_t>(1, column.width);
    std::shared_ptr<arrow::Array> items;
    switch (column.kind) {
        case c_parquet_integer: items = std::make_shared<arrow::Int64Array>(count, seen(values.integers, count)); break;
        case c_parquet_single: items = std::make_shared<arrow::FloatArray>(count, seen(values.singles, count)); break;
        case c_parquet_double: items = std::make_shared<arrow::DoubleArray>(count, seen(values.doubles, count)); break;
        case c_parquet_logical: {
            arrow::BooleanBuilder builder;
            for (int64_t i = 0; i < count; i++) ARROW_RETURN_NOT_OK(builder.Append(values.singles[i] != 0));
            ARROW_ASSIGN_OR_RAISE(items, builder.Finish());
            break;
        }
        default: {
            arrow::StringBuilder builder;
            for (int64_t row = 0; row < rows; row++) {
                int64_t start = row > 0 ? values.texts.ends[row - 1] : 0;
                ARROW_RETURN_NOT_OK(builder.Append(values.texts.bytes + start, int32_t(values.texts.ends[row] - start)));
            }
            return builder.Finish();
        }
    }
    if (column.width <= 0) return items;
    arrow::Int32Builder ends;
    for (int64_t row = 0; row <= rows; row++) ARROW_RETURN_NOT_OK(ends.Append(int32_t(row * column.width)));
    ARROW_ASSIGN_OR_RAISE(auto offsets, ends.Finish());
    ARROW_ASSIGN_OR_RAISE(auto list, arrow::ListArray::FromArrays(*offsets, *items));
    return list;
}

}  // namespace

struct CParquetWriter {
    std::vector<CParquetOutput> columns;
    /// The structure that each is a field of; mostly none.
    std::vector<std::string> structures;
    std::shared_ptr<Target> target;
    std::shared_ptr<arrow::Schema> schema;
    std::unique_ptr<parquet::arrow::FileWriter> file;

    arrow::Status open(const CParquetOutput *given, int32_t count, CParquetWrite write, void *to) {
        target = std::make_shared<Target>(write, to);
        std::vector<std::shared_ptr<arrow::Field>> fields;
        parquet::WriterProperties::Builder properties;
        properties.compression(parquet::Compression::ZSTD)->compression_level(3)->disable_dictionary();
        int64_t width = 1;
        for (int32_t i = 0; i < count; i++) {
            // Names are the caller's, and gone when rows come.
            columns.push_back({nullptr, given[i].kind, given[i].width, nullptr, nullptr});
            structures.push_back(structure_of(given[i]));
            auto field = field_of(given[i]);
            if (structures.back().empty()) {
                fields.push_back(field);
            } else if (i > 0 && structures[i - 1] == structures[i]) {
                auto inner = fields.back()->type()->fields();
                inner.push_back(field);
                fields.back() = arrow::field(structures[i], arrow::struct_(inner));
            } else {
                fields.push_back(arrow::field(structures[i], arrow::struct_({field})));
            }
            width += 8 * std::max<int64_t>(1, given[i].width);
            // Exponents lie beside exponents; texts, of which many are the same, in a dictionary.
            std::string path = given[i].width > 0 ? std::string(given[i].name) + ".list.element" : given[i].name;
            if (given[i].kind == c_parquet_text) properties.enable_dictionary(path);
            if (given[i].kind == c_parquet_single || given[i].kind == c_parquet_double)
                properties.encoding(path, parquet::Encoding::BYTE_STREAM_SPLIT);
        }
        // A row group is written from memory: some 64 MiB of it.
        properties.max_row_group_length(std::clamp<int64_t>((64 << 20) / width, 1024, 1 << 20));
        schema = arrow::schema(fields);
        ARROW_ASSIGN_OR_RAISE(
            file, parquet::arrow::FileWriter::Open(
                      *schema, arrow::default_memory_pool(), target, properties.build(),
                      parquet::ArrowWriterProperties::Builder().store_schema()->build()));
        return arrow::Status::OK();
    }

    arrow::Status append(int64_t rows, const CParquetValues *values) {
        std::vector<std::shared_ptr<arrow::Array>> arrays;
        for (size_t i = 0; i < columns.size();) {
            const std::string &structure = structures[i];
            arrow::ArrayVector own;
            do {
                ARROW_ASSIGN_OR_RAISE(auto array, array_of(columns[i], values[i], rows));
                own.push_back(array);
                i++;
            } while (!structure.empty() && i < columns.size() && structures[i] == structure);
            if (structure.empty()) {
                arrays.push_back(own[0]);
            } else {
                auto type = schema->field(int(arrays.size()))->type();
                arrays.push_back(std::make_shared<arrow::StructArray>(type, rows, own));
            }
        }
        return file->WriteRecordBatch(*arrow::RecordBatch::Make(schema, rows, arrays));
    }
};

CParquetWriter *parquet_create(
    const CParquetOutput *columns, int32_t count, CParquetWrite write, void *target, char **message) {
    auto writer = new (std::nothrow) CParquetWriter();
    if (writer && succeeds(message, [&] { return writer->open(columns, count, write, target); })) return writer;
    delete writer;
    return nullptr;
}

int32_t parquet_append(CParquetWriter *writer, int64_t rows, const CParquetValues *columns, char **message) {
    return succeeds(message, [&] { return writer->append(rows, columns); }) ? 0 : -1;
}

int32_t parquet_state(CParquetWriter *writer, const char *key, const char *value, char **message) {
    return succeeds(message, [&] {
        return writer->file->AddKeyValueMetadata(arrow::key_value_metadata({key}, {value}));
    }) ? 0 : -1;
}

int32_t parquet_finish(CParquetWriter *writer, char **message) {
    return succeeds(message, [&] { return writer->file->Close(); }) ? 0 : -1;
}

void parquet_discard(CParquetWriter *writer) {
    // A file that was not finished says so as it goes; nobody asks by then.
    char *message = nullptr;
    succeeds(&message, [&] {
        delete writer;
        return arrow::Status::OK();
    });
    free(message);
}

int32_t parquet_write_schema(const char *path, CParquetWrite write, void *to, char **message) {
    return succeeds(message, [&]() -> arrow::Status {
        ARROW_ASSIGN_OR_RAISE(auto source, arrow::io::ReadableFile::Open(path));
        parquet::arrow::FileReaderBuilder builder;
        ARROW_RETURN_NOT_OK(builder.Open(source));
        std::unique_ptr<parquet::arrow::FileReader> reader;
        ARROW_RETURN_NOT_OK(builder.Build(&reader));
        std::shared_ptr<arrow::Schema> schema;
        ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
        ARROW_ASSIGN_OR_RAISE(
            auto file, parquet::arrow::FileWriter::Open(
                           *schema->RemoveMetadata(), arrow::default_memory_pool(), std::make_shared<Target>(write, to),
                           parquet::default_writer_properties(),
                           parquet::ArrowWriterProperties::Builder().store_schema()->build()));
        return file->Close();
    }) ? 0 : -1;
}
