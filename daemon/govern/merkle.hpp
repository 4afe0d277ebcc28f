#pragma once

#include "base/result.hpp"
#include "codec/digest.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

/// The Merkle tree of an append-only log, as in RFC 6962 section 2.1: whoever has remembered a root
/// finds out whether anything of what it stood for has been changed, removed or put elsewhere.
namespace kheish::govern {

using TreeHash = codec::Digest;

/// The 32 bytes; valid as long as `hash` is.
std::string_view bytes_of(const TreeHash& hash);

/// SHA-256 of 0x00 and the record.
TreeHash leaf_hash(std::string_view record);
/// SHA-256 of 0x01 and both.
TreeHash node_hash(const TreeHash& left, const TreeHash& right);

/// A tree that grows, remembering one hash for each bit of its size.
class MerkleTree {
  public:
    void append(const TreeHash& leaf);
    std::uint64_t size() const { return size_; }
    /// Of an empty tree: SHA-256 of nothing.
    TreeHash root() const;

  private:
    struct Peak {
        TreeHash hash;
        std::uint64_t leaves = 0;
    };
    std::vector<Peak> peaks_; ///< whole subtrees from left to right, each smaller than the last
    std::uint64_t size_ = 0;
};

TreeHash root_of(std::span<const TreeHash> leaves);

/// RFC 6962 section 2.1.1, from the leaf upwards. `index` is below leaves.size().
std::vector<TreeHash> inclusion_proof(std::span<const TreeHash> leaves, std::uint64_t index);
/// Whether `leaf` is number `index` of the `size` leaves under `root`.
bool verify_inclusion(
    const TreeHash& leaf,
    std::uint64_t index,
    std::uint64_t size,
    std::span<const TreeHash> proof,
    const TreeHash& root);

/// RFC 6962 section 2.1.2: the first `before` leaves are still the beginning. 0 < before <= size.
std::vector<TreeHash> consistency_proof(std::span<const TreeHash> leaves, std::uint64_t before);
bool verify_consistency(
    std::uint64_t before,
    std::uint64_t size,
    const TreeHash& root_before,
    const TreeHash& root,
    std::span<const TreeHash> proof);

} // namespace kheish::govern
