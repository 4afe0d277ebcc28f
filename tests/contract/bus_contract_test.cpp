#include "base/fd.hpp"
#include "bus/desktop_prompt.hpp"
#include "bus/introspection.hpp"
#include "control/operations.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

namespace kheish::bus {
namespace {

std::string read(const std::string& path) {
    const Result<std::string> text = read_file(path, 1 << 20);
    EXPECT_TRUE(text) << path;
    return text.value_or("");
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
    std::set<std::string> found;
    const std::regex expression(pattern);
    for (std::sregex_iterator it(text.begin(), text.end(), expression);
         it != std::sregex_iterator();
         ++it)
        found.insert((*it)[1].str());
    return found;
}

TEST(BusContract, EveryMemberIsAnOperationAndTheOtherWayRound) {
    std::set<std::string> declared;
    for (const control::OperationInfo& info : control::operations())
        if (!info.dbus_member.empty())
            declared.insert(
                "ai.kheish.Daemon1." + std::string(info.dbus_interface) + "." +
                std::string(info.dbus_member));
    std::set<std::string> implemented;
    for (const Interface& interface : interfaces())
        for (const Method& method : members_of(interface.vtable).methods)
            implemented.insert(std::string(interface.name) + "." + method.name);
    EXPECT_EQ(declared, implemented);
}

TEST(BusContract, TheKeptXmlIsWhatTheVtablesSay) {
    for (const Interface& interface : interfaces())
        EXPECT_EQ(
            read(std::string(KHEISH_SOURCE_ROOT "/dbus/") + interface.name + ".xml"),
            introspection_xml(interface))
            << "tests/contract/bus-introspect " << interface.name << " > dbus/" << interface.name
            << ".xml";
}

TEST(BusContract, EveryArgumentHasAName) {
    for (const Interface& interface : interfaces())
        for (const Method& method : members_of(interface.vtable).methods)
            for (const std::vector<Argument>* list : {&method.in, &method.out})
                for (const Argument& argument : *list)
                    EXPECT_FALSE(argument.name.empty()) << method.name;
}

TEST(BusContract, ThePolkitPolicyHasTheActionsOfTheTable) {
    std::set<std::string> wanted;
    for (const control::OperationInfo& info : control::operations())
        if (!info.polkit_action.empty()) {
            wanted.insert(std::string(info.polkit_action));
            if (info.polkit_action != control::kActionAdminister)
                wanted.insert(std::string(info.polkit_action) + "-others");
        }
    wanted.insert(std::string(DesktopPrompt::kAction)); // which no caller asks for
    const std::string policy = read(KHEISH_POLICY);
    EXPECT_EQ(matches(policy, "<action id=\"([^\"]*)\""), wanted);
    const std::set<std::string> owners = matches(policy, "policykit.owner\">([^<]*)<");
    EXPECT_EQ(owners, (std::set<std::string>{"unix-user:" KHEISH_SERVICE_USER}));
    const std::string rules = read(KHEISH_RULES);
    for (const std::string& action : matches(rules, "\"(ai\\.kheish[^\"]*)\""))
        EXPECT_TRUE(wanted.contains(action)) << action;
}

TEST(BusContract, ApprovalsAreAskedForEachTimeAndOwnWorkNever) {
    const std::string policy = read(KHEISH_POLICY);
    const auto answers = [&policy](const std::string& action) {
        const std::size_t begin = policy.find("\"" + action + "\"");
        const std::string text = policy.substr(begin, policy.find("</action>", begin) - begin);
        return matches(text, "<allow_[a-z]*>([^<]*)<");
    };
    using Answers = std::set<std::string>;
    EXPECT_EQ(answers("ai.kheish.daemon1.approve"), Answers{"auth_self"});
    EXPECT_EQ(answers("ai.kheish.daemon1.approve-others"), Answers{"auth_admin"});
    EXPECT_EQ(answers("ai.kheish.daemon1.submit-others"), Answers{"auth_admin"});
    EXPECT_EQ(answers("ai.kheish.daemon1.control-others"), Answers{"auth_admin"});
    EXPECT_EQ(answers("ai.kheish.daemon1.administer"), Answers{"auth_admin"});
    EXPECT_EQ(answers("ai.kheish.daemon1.release"), (Answers{"no", "auth_self"}));
    for (const char* const own : {"read", "submit", "control"})
        EXPECT_EQ(answers(std::string("ai.kheish.daemon1.") + own), Answers{"yes"});
}

TEST(BusContract, TheBusPolicyLetsEveryInterfaceThrough) {
    std::set<std::string> wanted{
        "org.freedesktop.DBus.Properties",
        "org.freedesktop.DBus.ObjectManager",
        "org.freedesktop.DBus.Introspectable",
        "org.freedesktop.DBus.Peer",
    };
    for (const Interface& interface : interfaces())
        wanted.insert(interface.name);
    const std::string conf = read(KHEISH_BUS_CONF);
    EXPECT_EQ(matches(conf, "send_interface=\"([^\"]*)\""), wanted);
    EXPECT_EQ(matches(conf, "own=\"([^\"]*)\""), std::set<std::string>{"ai.kheish.Daemon1"});
}

} // namespace
} // namespace kheish::bus
