#include "Bridge.hpp"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/util/float16.h>
#include <parquet/arrow/reader.h>
#include <parquet/properties.h>

#include <limits>
#include <string>
#include <vector>

namespace {

using arrow::Array;
using arrow::DataType;
using arrow::Type;

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// How a column comes out of a batch.
struct Column {
    std::string name, unit;
    CParquetKind kind;
    bool is_array = false;
    /// Column of the batch, then fields of structures within each other.
    std::vector<int> path;
    /// Field of the structures that a list holds; -1 where it holds numbers.
    int inner = -1;
    // What was taken out of the batch last.
    std::vector<double> values;
    std::vector<int64_t> ends, text_ends;
    std::string text;
};

CParquetKind kind_of(const DataType &type) {
    switch (type.id()) {
        case Type::INT8: case Type::INT16: case Type::INT32: case Type::INT64:
        case Type::UINT8: case Type::UINT16: case Type::UINT32: case Type::UINT64:
            return c_parquet_integer;
        case Type::HALF_FLOAT: case Type::FLOAT: return c_parquet_single;
        case Type::DOUBLE: return c_parquet_double;
        case Type::BOOL: return c_parquet_logical;
        case Type::STRING: case Type::LARGE_STRING: case Type::DATE32: case Type::DATE64: case Type::TIMESTAMP:
        case Type::DECIMAL128: case Type::DECIMAL256:
            return c_parquet_text;
        case Type::DICTIONARY: return kind_of(*static_cast<const arrow::DictionaryType &>(type).value_type());
        default: return c_parquet_other;
    }
}

bool is_list(const DataType &type) {
    return type.id() == Type::LIST || type.id() == Type::LARGE_LIST || type.id() == Type::FIXED_SIZE_LIST;
}

std::string unit_of(const arrow::Field &field) {
    if (!field.HasMetadata()) return "";
    for (const char *key : {"unit", "units"}) {
        auto found = field.metadata()->Get(key);
        if (found.ok()) return *found;
    }
    return "";
}

void add_columns(
    const arrow::Field &field, const std::string &name, std::vector<int> path, int depth, std::vector<Column> &columns) {
    const DataType &type = *field.type();
    Column column;
    column.name = name;
    column.unit = unit_of(field);
    column.path = path;
    column.kind = kind_of(type);
    if (type.id() == Type::STRUCT && depth < 8) {
        for (int i = 0; i < type.num_fields(); i++) {
            auto inner = path;
            inner.push_back(i);
            add_columns(*type.field(i), name + "." + type.field(i)->name(), inner, depth + 1, columns);
        }
        return;
    }
    if (is_list(type)) {
        const arrow::Field &item = *type.field(0);
        column.is_array = true;
        if (item.type()->id() == Type::STRUCT) {
            for (int i = 0; i < item.type()->num_fields(); i++) {
                const arrow::Field &inner = *item.type()->field(i);
                column.name = name + "." + inner.name();
                column.unit = unit_of(inner);
                column.kind = kind_of(*inner.type());
                column.inner = i;
                columns.push_back(column);
            }
            return;
        }
        column.kind = kind_of(*item.type());
    }
    columns.push_back(column);
}

template <typename ArrayType>
void copy_numbers(const Array &array, std::vector<double> &out) {
    const auto &typed = static_cast<const ArrayType &>(array);
    const size_t start = out.size();
    const int64_t missing = array.null_count();
    out.resize(start + array.length(), none);
    if (missing == array.length()) return;
    double *to = out.data() + start;
    for (int64_t i = 0; i < typed.length(); i++) to[i] = double(typed.Value(i));
    if (missing == 0) return;
    for (int64_t i = 0; i < typed.length(); i++)
        if (typed.IsNull(i)) to[i] = none;
}

arrow::Status add_numbers(const Array &array, std::vector<double> &out) {
    switch (array.type_id()) {
        case Type::INT8: copy_numbers<arrow::Int8Array>(array, out); break;
        case Type::INT16: copy_numbers<arrow::Int16Array>(array, out); break;
        case Type::INT32: copy_numbers<arrow::Int32Array>(array, out); break;
        case Type::INT64: copy_numbers<arrow::Int64Array>(array, out); break;
        case Type::UINT8: copy_numbers<arrow::UInt8Array>(array, out); break;
        case Type::UINT16: copy_numbers<arrow::UInt16Array>(array, out); break;
        case Type::UINT32: copy_numbers<arrow::UInt32Array>(array, out); break;
        case Type::UINT64: copy_numbers<arrow::UInt64Array>(array, out); break;
        case Type::FLOAT: copy_numbers<arrow::FloatArray>(array, out); break;
        case Type::DOUBLE: copy_numbers<arrow::DoubleArray>(array, out); break;
        case Type::BOOL: copy_numbers<arrow::BooleanArray>(array, out); break;
        case Type::HALF_FLOAT: {
            const auto &halves = static_cast<const arrow::HalfFloatArray &>(array);
            for (int64_t i = 0; i < halves.length(); i++)
                out.push_back(
                    halves.IsNull(i) ? none : double(arrow::util::Float16::FromBits(halves.Value(i)).ToFloat()));
            break;
        }
        case Type::DICTIONARY: {
            const auto &coded = static_cast<const arrow::DictionaryArray &>(array);
            std::vector<double> words;
            ARROW_RETURN_NOT_OK(add_numbers(*coded.dictionary(), words));
            for (int64_t i = 0; i < coded.length(); i++) {
                int64_t word = coded.IsNull(i) ? -1 : coded.GetValueIndex(i);
                out.push_back(word >= 0 && word < int64_t(words.size()) ? words[word] : none);
            }
            break;
        }
        case Type::NA: out.insert(out.end(), array.length(), none); break;
        default: return arrow::Status::TypeError("values of type ", array.type()->ToString(), " are no numbers");
    }
    return arrow::Status::OK();
}

arrow::Result<std::string> text_at(const Array &array, int64_t row) {
    if (array.IsNull(row)) return "";
    switch (array.type_id()) {
        case Type::STRING: return static_cast<const arrow::StringArray &>(array).GetString(row);
        case Type::LARGE_STRING: return static_cast<const arrow::LargeStringArray &>(array).GetString(row);
        case Type::DICTIONARY: {
            const auto &coded = static_cast<const arrow::DictionaryArray &>(array);
            int64_t word = coded.GetValueIndex(row);
            if (word < 0 || word >= coded.dictionary()->length()) return arrow::Status::IndexError("a word beyond the dictionary");
            return text_at(*coded.dictionary(), word);
        }
        default: {
            ARROW_ASSIGN_OR_RAISE(auto scalar, array.GetScalar(row));
            return scalar->ToString();
        }
    }
}

/// Rows of lists, whatever their offsets are made of.
template <typename List>
void add_ends(const List &list, std::vector<int64_t> &starts, std::vector<int64_t> &lengths) {
    for (int64_t i = 0; i < list.length(); i++) {
        starts.push_back(list.IsNull(i) ? 0 : list.value_offset(i));
        lengths.push_back(list.IsNull(i) ? 0 : list.value_length(i));
    }
}

}  // namespace

struct CParquetReader {
    // A damaged file claims pages of any size. The pools outlive what lies in them.
    std::unique_ptr<arrow::MemoryPool> counted, capped;
    std::unique_ptr<parquet::arrow::FileReader> file;
    std::shared_ptr<arrow::RecordBatchReader> batches;
    std::shared_ptr<arrow::RecordBatch> batch, rest;
    std::vector<Column> columns;
    int64_t rows = 0;
    std::shared_ptr<const arrow::KeyValueMetadata> statements;
    /// Handed out last.
    mutable std::string statement;

    arrow::Status open(const std::string &path) {
        ARROW_ASSIGN_OR_RAISE(auto source, arrow::io::ReadableFile::Open(path));
        ARROW_ASSIGN_OR_RAISE(int64_t size, source->GetSize());
        counted = std::make_unique<arrow::ProxyMemoryPool>(arrow::default_memory_pool());
        capped = std::make_unique<arrow::CappedMemoryPool>(counted.get(), (int64_t(1) << 27) + 16 * size);
        auto own = parquet::ReaderProperties(capped.get());
        own.enable_buffered_stream();
        own.set_page_checksum_verification(true);
        parquet::ArrowReaderProperties properties;
        properties.set_pre_buffer(false);
        properties.set_batch_size(1024);
        parquet::arrow::FileReaderBuilder builder;
        ARROW_RETURN_NOT_OK(builder.Open(source, own));
        ARROW_RETURN_NOT_OK(builder.memory_pool(capped.get())->properties(properties)->Build(&file));
        rows = file->parquet_reader()->metadata()->num_rows();
        statements = file->parquet_reader()->metadata()->key_value_metadata();
        std::shared_ptr<arrow::Schema> schema;
        ARROW_RETURN_NOT_OK(file->GetSchema(&schema));
        for (int i = 0; i < schema->num_fields(); i++)
            add_columns(*schema->field(i), schema->field(i)->name(), {i}, 0, columns);
        ARROW_ASSIGN_OR_RAISE(batches, file->GetRecordBatchReader());
        return arrow::Status::OK();
    }

    arrow::Result<int64_t> next(int64_t most) {
        while (!rest || rest->num_rows() == 0) {
            ARROW_RETURN_NOT_OK(batches->ReadNext(&rest));
            if (!rest) return 0;
            ARROW_RETURN_NOT_OK(rest->ValidateFull());
        }
        batch = rest->Slice(0, most);
        rest = rest->Slice(batch->num_rows());
        return batch->num_rows();
    }

    arrow::Result<std::shared_ptr<Array>> array(const Column &column) const {
        if (!batch) return arrow::Status::Invalid("no rows were read");
        std::shared_ptr<Array> found = batch->column(column.path[0]);
        for (size_t i = 1; i < column.path.size(); i++) {
            // With the nulls of the structure.
            ARROW_ASSIGN_OR_RAISE(
                found, static_cast<const arrow::StructArray &>(*found).GetFlattenedField(column.path[i]));
        }
        return found;
    }

    arrow::Status numbers(Column &column) {
        column.values.clear();
        column.ends.clear();
        ARROW_ASSIGN_OR_RAISE(auto found, array(column));
        if (!column.is_array) return add_numbers(*found, column.values);
        std::vector<int64_t> starts, lengths;
        std::shared_ptr<Array> items;
        switch (found->type_id()) {
            case Type::LIST: {
                const auto &list = static_cast<const arrow::ListArray &>(*found);
                add_ends(list, starts, lengths);
                items = list.values();
                break;
            }
            case Type::LARGE_LIST: {
                const auto &list = static_cast<const arrow::LargeListArray &>(*found);
                add_ends(list, starts, lengths);
                items = list.values();
                break;
            }
            case Type::FIXED_SIZE_LIST: {
                const auto &list = static_cast<const arrow::FixedSizeListArray &>(*found);
                add_ends(list, starts, lengths);
                items = list.values();
                break;
            }
            default: return arrow::Status::TypeError("no list");
        }
        if (column.inner >= 0) {
            ARROW_ASSIGN_OR_RAISE(
                items, static_cast<const arrow::StructArray &>(*items).GetFlattenedField(column.inner));
        }
        // Lists that follow each other are taken out at once, which mostly are all.
        for (size_t row = 0; row < starts.size();) {
            const size_t first = row;
            int64_t end = starts[first];
            for (; row < starts.size() && (lengths[row] == 0 || starts[row] == end); row++) {
                end += lengths[row];
                column.ends.push_back(int64_t(column.values.size()) + end - starts[first]);
            }
            ARROW_RETURN_NOT_OK(add_numbers(*items->Slice(starts[first], end - starts[first]), column.values));
        }
        return arrow::Status::OK();
    }

    arrow::Status texts(Column &column) {
        column.text.clear();
        column.text_ends.clear();
        ARROW_ASSIGN_OR_RAISE(auto found, array(column));
        for (int64_t row = 0; row < found->length(); row++) {
            if (!column.is_array) {
                ARROW_ASSIGN_OR_RAISE(auto text, text_at(*found, row));
                column.text += text;
            }
            column.text_ends.push_back(int64_t(column.text.size()));
        }
        return arrow::Status::OK();
    }
};

namespace {

CParquetReader *open_file(const char *path, char **message) {
    auto reader = new (std::nothrow) CParquetReader();
    if (reader && succeeds(message, [&] { return reader->open(path); })) return reader;
    delete reader;
    return nullptr;
}

int64_t next_rows(CParquetReader *reader, int64_t most, char **message) {
    int64_t count = -1;
    succeeds(message, [&]() -> arrow::Status {
        ARROW_ASSIGN_OR_RAISE(count, reader->next(most));
        return arrow::Status::OK();
    });
    return count;
}

int32_t numbers_of(CParquetReader *reader, int32_t index, CParquetNumbers *out, char **message) {
    Column &column = reader->columns[index];
    if (!succeeds(message, [&] { return reader->numbers(column); })) return -1;
    *out = {column.values.data(), column.is_array ? column.ends.data() : nullptr};
    return 0;
}

int32_t texts_of(CParquetReader *reader, int32_t index, CParquetTexts *out, char **message) {
    Column &column = reader->columns[index];
    if (!succeeds(message, [&] { return reader->texts(column); })) return -1;
    *out = {column.text.data(), column.text_ends.data()};
    return 0;
}

const CParquet functions = {
    c_parquet_version,
    open_file,
    [](CParquetReader *reader) { delete reader; },
    [](const CParquetReader *reader) { return reader->rows; },
    [](const CParquetReader *reader) { return int32_t(reader->columns.size()); },
    [](const CParquetReader *reader, int32_t index) {
        const Column &column = reader->columns[index];
        return CParquetColumn{column.name.c_str(), column.kind, column.is_array, column.unit.c_str()};
    },
    [](const CParquetReader *reader, const char *key) -> const char * {
        if (!reader->statements) return nullptr;
        auto found = reader->statements->Get(key);
        if (!found.ok()) return nullptr;
        reader->statement = *found;
        return reader->statement.c_str();
    },
    next_rows,
    numbers_of,
    texts_of,
    parquet_create,
    parquet_append,
    parquet_state,
    parquet_finish,
    parquet_discard,
    parquet_write_schema,
    [](char *message) { free(message); },
};

}  // namespace

const CParquet *c_parquet(void) { return &functions; }
