#include "govern/merkle.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kheish::govern {
namespace {

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values)
        text.push_back(static_cast<char>(value));
    return text;
}

/// The leaves and roots of the tests of Certificate Transparency (RFC 6962's reference code).
std::vector<TreeHash> known_leaves() {
    const std::vector<std::string> records{
        "",
        bytes({0x00}),
        bytes({0x10}),
        bytes({0x20, 0x21}),
        bytes({0x30, 0x31}),
        bytes({0x40, 0x41, 0x42, 0x43}),
        bytes({0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57}),
        bytes(
            {0x60,
             0x61,
             0x62,
             0x63,
             0x64,
             0x65,
             0x66,
             0x67,
             0x68,
             0x69,
             0x6a,
             0x6b,
             0x6c,
             0x6d,
             0x6e,
             0x6f})};
    std::vector<TreeHash> leaves;
    for (const std::string& record : records)
        leaves.push_back(leaf_hash(record));
    return leaves;
}

std::vector<TreeHash> some_leaves(std::size_t count) {
    std::vector<TreeHash> leaves;
    for (std::size_t i = 0; i < count; ++i)
        leaves.push_back(leaf_hash("record " + std::to_string(i)));
    return leaves;
}

TEST(Merkle, RootsAreThoseOfCertificateTransparency) {
    constexpr std::array<std::string_view, 9> kRoots{
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
    const std::vector<TreeHash> leaves = known_leaves();
    MerkleTree tree;
    for (std::size_t size = 0; size <= leaves.size(); ++size) {
        EXPECT_EQ(tree.root().to_hex(), kRoots.at(size)) << size;
        EXPECT_EQ(root_of(std::span(leaves).first(size)), tree.root());
        EXPECT_EQ(tree.size(), size);
        if (size < leaves.size())
            tree.append(leaves[size]);
    }
}

TEST(Merkle, EveryRecordIsProvedAndNoOther) {
    for (std::size_t size = 1; size <= 40; ++size) {
        const std::vector<TreeHash> leaves = some_leaves(size);
        const TreeHash root = root_of(leaves);
        for (std::size_t index = 0; index < size; ++index) {
            std::vector<TreeHash> proof = inclusion_proof(leaves, index);
            ASSERT_TRUE(verify_inclusion(leaves[index], index, size, proof, root));
            for (std::size_t other = 0; other < size; ++other)
                ASSERT_EQ(
                    verify_inclusion(leaves[index], other, size, proof, root), other == index);
            ASSERT_FALSE(verify_inclusion(leaf_hash("x"), index, size, proof, root));
            for (TreeHash& hash : proof) {
                hash.bytes[7] ^= std::byte{1};
                ASSERT_FALSE(verify_inclusion(leaves[index], index, size, proof, root));
                hash.bytes[7] ^= std::byte{1};
            }
            proof.push_back(root);
            ASSERT_FALSE(verify_inclusion(leaves[index], index, size, proof, root));
        }
        ASSERT_FALSE(verify_inclusion(leaves[0], size, size, {}, root));
    }
}

TEST(Merkle, EveryBeginningIsProvedAndNoOther) {
    for (std::size_t size = 1; size <= 40; ++size) {
        const std::vector<TreeHash> leaves = some_leaves(size);
        const TreeHash root = root_of(leaves);
        for (std::size_t before = 1; before <= size; ++before) {
            const TreeHash old = root_of(std::span(leaves).first(before));
            std::vector<TreeHash> proof = consistency_proof(leaves, before);
            ASSERT_TRUE(verify_consistency(before, size, old, root, proof)) << before << size;
            ASSERT_FALSE(verify_consistency(before, size, leaf_hash("x"), root, proof));
            ASSERT_FALSE(verify_consistency(before, size, old, leaf_hash("x"), proof));
            for (TreeHash& hash : proof) {
                hash.bytes[0] ^= std::byte{0x80};
                ASSERT_FALSE(verify_consistency(before, size, old, root, proof));
                hash.bytes[0] ^= std::byte{0x80};
            }
            proof.push_back(root);
            ASSERT_FALSE(verify_consistency(before, size, old, root, proof));
        }
        ASSERT_FALSE(verify_consistency(0, size, codec::sha256(""), root, {}));
        ASSERT_FALSE(verify_consistency(size + 1, size, root, root, {}));
    }
}

} // namespace
} // namespace kheish::govern
