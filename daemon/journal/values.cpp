#include "journal/values.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace kheish::journal {

namespace {

constexpr std::array<std::pair<ApprovalState, std::string_view>, 4> kApprovalStates{{
    {ApprovalState::pending, "pending"},
    {ApprovalState::allowed, "allowed"},
    {ApprovalState::denied, "denied"},
    {ApprovalState::voided, "void"},
}};

constexpr std::array<std::pair<GateKind, std::string_view>, 3> kGateKinds{{
    {GateKind::approval, "approval"},
    {GateKind::outcome_unknown, "outcome_unknown"},
    {GateKind::question, "question"},
}};

constexpr std::array<std::pair<SecretState, std::string_view>, 3> kSecretStates{{
    {SecretState::stored, "stored"},
    {SecretState::revoked, "revoked"},
    {SecretState::deleted, "deleted"},
}};

template <class Enum, std::size_t Count>
std::optional<Enum>
value_of(const std::array<std::pair<Enum, std::string_view>, Count>& words, std::string_view text) {
    for (const auto& [value, word] : words)
        if (word == text)
            return value;
    return std::nullopt;
}

/// SQLite takes a null pointer for NULL, and an empty view may have one.
const char* data_of(std::string_view view) {
    return view.data() != nullptr ? view.data() : "";
}

} // namespace

std::string_view to_string(ApprovalState state) {
    return kApprovalStates.at(static_cast<std::size_t>(state)).second;
}

std::string_view to_string(GateKind kind) {
    return kGateKinds.at(static_cast<std::size_t>(kind)).second;
}

std::string_view to_string(SecretState state) {
    return kSecretStates.at(static_cast<std::size_t>(state)).second;
}

void ParameterBinder::check(int code) {
    // The only failures left are too many values, a value beyond SQLite's 1 GB, and no memory.
    KHEISH_ASSERT(code == SQLITE_OK);
}

void ParameterBinder::bind_integer(std::int64_t value) {
    check(sqlite3_bind_int64(statement_, ++bound_, value));
}

void ParameterBinder::bind_null() {
    check(sqlite3_bind_null(statement_, ++bound_));
}

void ParameterBinder::bind(std::string_view value) {
    check(sqlite3_bind_text64(
        statement_, ++bound_, data_of(value), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void ParameterBinder::bind(const Bytes& value) {
    check(sqlite3_bind_blob64(
        statement_, ++bound_, data_of(value.data), value.data.size(), SQLITE_STATIC));
}

void ParameterBinder::bind(const codec::Digest& value) {
    check(sqlite3_bind_blob64(
        statement_, ++bound_, value.bytes.data(), value.bytes.size(), SQLITE_TRANSIENT));
}

void ParameterBinder::bind(const codec::BlobRef& value) {
    bind(value.digest);
    bind_integer(value.size_bytes);
}

void ParameterBinder::bind(const std::optional<codec::BlobRef>& value) {
    if (value) {
        bind(*value);
    } else {
        bind_null();
        bind_null();
    }
}

bool ColumnReader::is_null() const {
    return sqlite3_column_type(statement_, column_) == SQLITE_NULL;
}

template <std::integral Integer>
void ColumnReader::read_integer(Integer& value) {
    const std::int64_t wide = sqlite3_column_int64(statement_, column_);
    if (sqlite3_column_type(statement_, column_) != SQLITE_INTEGER || !std::in_range<Integer>(wide))
        bad_column_ = column_;
    else
        value = static_cast<Integer>(wide);
    ++column_;
}

void ColumnReader::read(std::int64_t& value) {
    read_integer(value);
}
void ColumnReader::read(int& value) {
    read_integer(value);
}
void ColumnReader::read(uid_t& value) {
    read_integer(value);
}
void ColumnReader::read(RunId& value) {
    read_integer(value.number);
}

void ColumnReader::read(bool& value) {
    int number = 0;
    read_integer(number);
    value = number != 0;
}

void ColumnReader::read(std::string& value) {
    const int type = sqlite3_column_type(statement_, column_);
    if (type != SQLITE_TEXT && type != SQLITE_BLOB) {
        bad_column_ = column_++;
        return;
    }
    const void* data = sqlite3_column_blob(statement_, column_);
    const std::size_t size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column_));
    value.assign(data != nullptr ? static_cast<const char*>(data) : "", size);
    ++column_;
}

void ColumnReader::read(codec::Digest& value) {
    const void* data = sqlite3_column_blob(statement_, column_);
    if (data == nullptr ||
        sqlite3_column_bytes(statement_, column_) != static_cast<int>(value.bytes.size()))
        bad_column_ = column_;
    else
        std::memcpy(value.bytes.data(), data, value.bytes.size());
    ++column_;
}

void ColumnReader::read(codec::BlobRef& value) {
    read(value.digest);
    read(value.size_bytes);
}

void ColumnReader::read(std::optional<codec::BlobRef>& value) {
    value.reset();
    if (is_null())
        column_ += 2;
    else
        read(value.emplace());
}

void ColumnReader::read(ApprovalState& value) {
    std::string text;
    const int column = column_;
    read(text);
    const std::optional<ApprovalState> state = value_of(kApprovalStates, text);
    if (state)
        value = *state;
    else
        bad_column_ = column;
}

void ColumnReader::read(GateKind& value) {
    std::string text;
    const int column = column_;
    read(text);
    const std::optional<GateKind> kind = value_of(kGateKinds, text);
    if (kind)
        value = *kind;
    else
        bad_column_ = column;
}

void ColumnReader::read(SecretState& value) {
    std::string text;
    const int column = column_;
    read(text);
    const std::optional<SecretState> state = value_of(kSecretStates, text);
    if (state)
        value = *state;
    else
        bad_column_ = column;
}

Status ColumnReader::finish() const {
    KHEISH_ASSERT(column_ == sqlite3_column_count(statement_));
    if (bad_column_ < 0)
        return {};
    return fail(
        Errc::journal_corrupt,
        std::string("a value of column ") + sqlite3_column_name(statement_, bad_column_) +
            " is not what the schema says");
}

} // namespace kheish::journal
