#include "models/scripted_template.hpp"

#include <gtest/gtest.h>

namespace kheish::models {
namespace {

Result<std::string> render(std::string_view text) {
    Result<ScriptedTemplate> parsed = ScriptedTemplate::parse(text);
    if (!parsed)
        return fail(parsed.error());
    ScriptedTemplate::Source source = [](std::string_view call) -> Result<std::string> {
        if (call.empty())
            return std::string("the input");
        if (call == "json")
            return std::string(R"({"a":{"b/c":[1,"two",{"~":1.50}]},"":"empty","t":"x\ny\nz"})");
        if (call == "text")
            return std::string("one\ntwo\nthr\xC3\xA9\xC3\xA9\n");
        return fail(Errc::bad_request, "no result");
    };
    return parsed->render(source);
}

TEST(ScriptedTemplate, PlainTextStaysAsItIs) {
    EXPECT_EQ(render("").value(), "");
    EXPECT_EQ(render("a { b } c }} \"d\"").value(), "a { b } c }} \"d\"");
}

TEST(ScriptedTemplate, QuotesInputsResultsAndLiterals) {
    EXPECT_EQ(render("<{{input}}>").value(), "<the input>");
    EXPECT_EQ(render("{{ result \"text\" lines=2 }}!").value(), "one\ntwo!");
    EXPECT_EQ(render("{{result 'text' chars=12}}").value(), "one\ntwo\nthr\xC3\xA9");
    EXPECT_EQ(render("{{result 'text' chars=5 lines=1}}").value(), "one");
    EXPECT_EQ(render("{{result 'text' lines=99}}").value(), "one\ntwo\nthr\xC3\xA9\xC3\xA9\n");
    EXPECT_EQ(render("{{'{{'}}{{\"a\\\"}}\"}}").value(), "{{a\"}}");
}

TEST(ScriptedTemplate, PointersFindValues) {
    EXPECT_EQ(render("{{result 'json' '/a/b~1c/0'}}").value(), "1");
    EXPECT_EQ(render("{{result 'json' '/a/b~1c/1'}}").value(), "two");
    EXPECT_EQ(render("{{result 'json' '/a/b~1c/2'}}").value(), "{\"~\":1.5}");
    EXPECT_EQ(render("{{result 'json' '/a/b~1c/2/~0'}}").value(), "1.5");
    EXPECT_EQ(render("{{result 'json' '/'}}").value(), "empty");
    EXPECT_EQ(render("{{result 'json' '/t' lines=2}}").value(), "x\ny");
}

TEST(ScriptedTemplate, NamesWhatItQuotes) {
    const Result<ScriptedTemplate> parsed =
        ScriptedTemplate::parse("{{input}}{{result 'a'}}{{result \"b\" '/x'}}");
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->quoted_calls(), (std::vector<std::string>{"a", "b"}));
}

TEST(ScriptedTemplate, RefusesBrokenPlaceholders) {
    for (const std::string_view text :
         {"{{",
          "{{}}",
          "{{output}}",
          "{{input",
          "{{input x}}",
          "{{result}}",
          "{{result name}}",
          "{{result ''}}",
          "{{result 'a}}",
          "{{result 'a' 'b'}}",
          "{{result 'a' lines=0}}",
          "{{result 'a' lines=x}}",
          "{{result 'a' rows=1}}",
          "{{result 'a' chars=99999999999999999999}}"}) {
        const Result<ScriptedTemplate> parsed = ScriptedTemplate::parse(text);
        ASSERT_FALSE(parsed.has_value()) << text;
        EXPECT_EQ(parsed.error().code, Errc::invalid_configuration) << text;
    }
}

TEST(ScriptedTemplate, WhatIsNotThereIsAnErrorThatSaysSo) {
    for (const std::string_view text :
         {"{{result 'gone'}}",
          "{{result 'text' '/a'}}",
          "{{result 'json' '/a/x'}}",
          "{{result 'json' '/a/b~1c/9'}}",
          "{{result 'json' '/a/b~1c/-'}}",
          "{{result 'json' '/t/0'}}"})
        EXPECT_FALSE(render(text).has_value()) << text;
    EXPECT_EQ(
        render("{{result 'json' '/a/x'}}").error().message,
        "the result of \"json\" has nothing at \"/a/x\"");
}

} // namespace
} // namespace kheish::models
