#include "govern/merkle.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

namespace kheish::govern {

namespace {

/// A record up to this size is put behind its prefix and hashed at one go, which GnuTLS does
/// without the cost of a hash that goes on.
constexpr std::size_t kCopiedBytes = std::size_t{64} << 10U;

/// The largest power of two below `size`, which is 2 at least.
std::size_t split_of(std::size_t size) {
    return std::bit_floor(size - 1);
}

/// RFC 6962's SUBPROOF.
void prove_consistency(
    std::span<const TreeHash> leaves,
    std::size_t before,
    bool is_known,
    std::vector<TreeHash>& proof) {
    if (before == leaves.size()) {
        if (!is_known)
            proof.push_back(root_of(leaves));
        return;
    }
    const std::size_t split = split_of(leaves.size());
    if (before <= split) {
        prove_consistency(leaves.first(split), before, is_known, proof);
        proof.push_back(root_of(leaves.subspan(split)));
    } else {
        prove_consistency(leaves.subspan(split), before - split, false, proof);
        proof.push_back(root_of(leaves.first(split)));
    }
}

} // namespace

std::string_view bytes_of(const TreeHash& hash) {
    return {reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size()};
}

TreeHash leaf_hash(std::string_view record) {
    if (record.size() <= kCopiedBytes) {
        std::string bytes(1, '\0');
        bytes += record;
        return codec::sha256(bytes);
    }
    codec::Sha256 hash;
    hash.update(std::string_view("\0", 1));
    hash.update(record);
    return hash.finish();
}

TreeHash node_hash(const TreeHash& left, const TreeHash& right) {
    std::array<char, 1 + 2 * sizeof(TreeHash)> bytes{'\1'};
    const auto end = std::copy_n(bytes_of(left).begin(), sizeof(TreeHash), bytes.begin() + 1);
    std::copy_n(bytes_of(right).begin(), sizeof(TreeHash), end);
    return codec::sha256({bytes.data(), bytes.size()});
}

void MerkleTree::append(const TreeHash& leaf) {
    Peak peak{leaf, 1};
    while (!peaks_.empty() && peaks_.back().leaves == peak.leaves) {
        peak = {node_hash(peaks_.back().hash, peak.hash), 2 * peak.leaves};
        peaks_.pop_back();
    }
    peaks_.push_back(peak);
    ++size_;
}

TreeHash MerkleTree::root() const {
    if (peaks_.empty())
        return codec::sha256("");
    TreeHash root = peaks_.back().hash;
    for (std::size_t i = peaks_.size() - 1; i-- > 0;)
        root = node_hash(peaks_[i].hash, root);
    return root;
}

TreeHash root_of(std::span<const TreeHash> leaves) {
    MerkleTree tree;
    for (const TreeHash& leaf : leaves)
        tree.append(leaf);
    return tree.root();
}

std::vector<TreeHash> inclusion_proof(std::span<const TreeHash> leaves, std::uint64_t index) {
    KHEISH_ASSERT(index < leaves.size());
    if (leaves.size() == 1)
        return {};
    const std::size_t split = split_of(leaves.size());
    const bool is_left = index < split;
    std::vector<TreeHash> proof = is_left ? inclusion_proof(leaves.first(split), index)
                                          : inclusion_proof(leaves.subspan(split), index - split);
    proof.push_back(root_of(is_left ? leaves.subspan(split) : leaves.first(split)));
    return proof;
}

bool verify_inclusion(
    const TreeHash& leaf,
    std::uint64_t index,
    std::uint64_t size,
    std::span<const TreeHash> proof,
    const TreeHash& root) {
    // RFC 9162 section 2.1.3.2.
    if (index >= size)
        return false;
    std::uint64_t node = index;
    std::uint64_t last = size - 1;
    TreeHash hash = leaf;
    for (const TreeHash& sibling : proof) {
        if (last == 0)
            return false;
        if (node % 2 == 1 || node == last) {
            hash = node_hash(sibling, hash);
            while (node % 2 == 0 && node != 0) {
                node /= 2;
                last /= 2;
            }
        } else {
            hash = node_hash(hash, sibling);
        }
        node /= 2;
        last /= 2;
    }
    return last == 0 && hash == root;
}

std::vector<TreeHash> consistency_proof(std::span<const TreeHash> leaves, std::uint64_t before) {
    KHEISH_ASSERT(before > 0 && before <= leaves.size());
    std::vector<TreeHash> proof;
    prove_consistency(leaves, before, true, proof);
    return proof;
}

bool verify_consistency(
    std::uint64_t before,
    std::uint64_t size,
    const TreeHash& root_before,
    const TreeHash& root,
    std::span<const TreeHash> proof) {
    // RFC 9162 section 2.1.4.2.
    if (before == 0 || before > size)
        return false;
    if (before == size)
        return proof.empty() && root_before == root;
    std::vector<TreeHash> path(proof.begin(), proof.end());
    if (std::has_single_bit(before))
        path.insert(path.begin(), root_before);
    if (path.empty())
        return false;
    std::uint64_t node = before - 1;
    std::uint64_t last = size - 1;
    while (node % 2 == 1) {
        node /= 2;
        last /= 2;
    }
    TreeHash old_root = path.front();
    TreeHash new_root = path.front();
    for (std::size_t i = 1; i < path.size(); ++i) {
        if (last == 0)
            return false;
        if (node % 2 == 1 || node == last) {
            old_root = node_hash(path[i], old_root);
            new_root = node_hash(path[i], new_root);
            while (node % 2 == 0 && node != 0) {
                node /= 2;
                last /= 2;
            }
        } else {
            new_root = node_hash(new_root, path[i]);
        }
        node /= 2;
        last /= 2;
    }
    return last == 0 && old_root == root_before && new_root == root;
}

} // namespace kheish::govern
