#include "run_view.hpp"

#include <gtest/gtest.h>

namespace kheish::ctl {
namespace {

using codec::Json;

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(RunView, ExplainsAWaitWithWhoEndsIt) {
    const std::string text = explanation_text(Json::object({
        {"run_id", "run-7"},
        {"status", "running"},
        {"wait_reason", "network"},
        {"waiting_since_ms", 1'700'000'000'000},
        {"explanation",
         Json::object(
             {{"text", "the provider cannot be reached"},
              {"ended_by", "kheishd"},
              {"until_ms", 1'700'000'060'000}})},
    }));
    EXPECT_EQ(text.rfind("run-7 has waited for network since 2023-11-1", 0), 0U) << text;
    EXPECT_NE(text.find(": the provider cannot be reached\n"), std::string::npos) << text;
    EXPECT_TRUE(has_line(text, "  ended by    kheishd")) << text;
    EXPECT_NE(text.find("\n  until       2023-11-1"), std::string::npos) << text;
    EXPECT_TRUE(has_line(text, "  give up     kheishctl runs cancel run-7")) << text;
}

TEST(RunView, OffersNothingForARunThatIsOver) {
    EXPECT_EQ(
        explanation_text(Json::object({
            {"run_id", "run-7"},
            {"status", "completed"},
            {"explanation", Json::object({{"text", "it is over, completed"}})},
        })),
        "run-7: it is over, completed\n");
}

} // namespace
} // namespace kheish::ctl
