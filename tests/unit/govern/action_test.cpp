#include "govern/action.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace kheish::govern {
namespace {

const Action kAction{
    .run = RunId{7},
    .call = CallId{"call-1-0"},
    .tool = "bash",
    .input = R"({"command":"rm -rf build"})",
    .working_directory = "/home/alice/project",
    .sandbox_profile = "default",
};

TEST(ActionDigest, IsStable) {
    EXPECT_EQ(action_digest(kAction), action_digest(Action(kAction)));
}

TEST(ActionDigest, ChangesWithEveryField) {
    std::array<Action, 7> variants;
    variants.fill(kAction);
    variants[1].run = RunId{8};
    variants[2].call.value = "call-1-1";
    variants[3].tool = "bash ";
    variants[4].input = R"({"command":"rm -rf  build"})";
    variants[5].working_directory = "/home/alice";
    variants[6].sandbox_profile = "network";
    std::set<codec::Digest> digests;
    for (const Action& variant : variants)
        EXPECT_TRUE(digests.insert(action_digest(variant)).second);
}

TEST(ActionDigest, FieldsCannotRunIntoEachOther) {
    Action shifted = kAction;
    shifted.working_directory = "/home/alice/project\",\"sandbox_profile\":\"default";
    shifted.sandbox_profile = "";
    EXPECT_NE(action_digest(shifted), action_digest(kAction));
}

} // namespace
} // namespace kheish::govern
