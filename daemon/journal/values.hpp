#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "codec/digest.hpp"
#include "journal/rows.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sqlite3.h>

/// How the types of rows and events lie in columns. Each type takes one column, a BlobRef two
/// (digest, size).
namespace kheish::journal {

/// Bytes for a BLOB column; must outlive the Query that they are bound to.
struct Bytes {
    std::string_view data;
};

std::string_view to_string(ApprovalState state);
std::string_view to_string(GateKind kind);
std::string_view to_string(SecretState state);

/// Binds values to the parameters of a statement, one after the other.
class ParameterBinder {
  public:
    /// Goes on after the first `bound` parameters.
    ParameterBinder(sqlite3_stmt* statement, int bound) : statement_(statement), bound_(bound) {}

    template <std::integral Integer>
    void bind(Integer value) {
        bind_integer(static_cast<std::int64_t>(value));
    }
    void bind(std::string_view value);
    void bind(const std::string& value) { bind(std::string_view(value)); }
    void bind(const Bytes& value);
    void bind(const codec::Digest& value);
    void bind(const codec::BlobRef& value);
    void bind(const RunId& value) { bind_integer(value.number); }
    void bind(ApprovalState value) { bind(to_string(value)); }
    void bind(GateKind value) { bind(to_string(value)); }
    void bind(SecretState value) { bind(to_string(value)); }
    template <class Tag>
    void bind(const Name<Tag>& value) {
        bind(std::string_view(value.value));
    }
    void bind(const std::optional<codec::BlobRef>& value);
    template <class Value>
    void bind(const std::optional<Value>& value) {
        if (value)
            bind(*value);
        else
            bind_null();
    }
    int bound() const { return bound_; }

  private:
    void bind_integer(std::int64_t value);
    void bind_null();
    void check(int code);

    sqlite3_stmt* statement_;
    int bound_;
};

/// Reads the columns of a statement's row, one after the other.
class ColumnReader {
  public:
    explicit ColumnReader(sqlite3_stmt* statement) : statement_(statement) {}

    void read(std::int64_t& value);
    void read(int& value);
    void read(bool& value);
    void read(uid_t& value);
    void read(std::string& value); ///< TEXT or BLOB, all bytes
    void read(codec::Digest& value);
    void read(codec::BlobRef& value);
    void read(RunId& value);
    void read(ApprovalState& value);
    void read(GateKind& value);
    void read(SecretState& value);
    template <class Tag>
    void read(Name<Tag>& value) {
        read(value.value);
    }
    void read(std::optional<codec::BlobRef>& value);
    template <class Value>
    void read(std::optional<Value>& value) {
        value.reset();
        if (is_null())
            ++column_;
        else
            read(value.emplace());
    }

    /// Whether everything was what it should be.
    Status finish() const;

  private:
    bool is_null() const;
    template <std::integral Integer>
    void read_integer(Integer& value);

    sqlite3_stmt* statement_;
    int column_ = 0;
    int bad_column_ = -1;
};

} // namespace kheish::journal
