#include "control/secret_projection.hpp"
#include "control_fixture.hpp"

/// Secrets: given and never given out; who needs one waits until it is there.
namespace kheish::control {
namespace {

using codec::Json;

class SecretsTest : public ControlFixture {
  protected:
    void SetUp() override {
        given_.credentials["secrets-master-key"] = govern::MasterKey::generate(entropy_);
        ControlFixture::SetUp();
    }
    void restart() {
        crash();
        boot();
    }
    static Caller root() {
        Caller caller = Caller::user(0);
        caller.acts_for_others = true;
        return caller;
    }
    Result<Json>
    set(const std::string& name, const std::string& value, const Caller& caller = root()) {
        return wait_for<Json>([&](Responder<Json> responder) {
            plane_->set_secret(
                caller, SetSecret{.name = name, .value = Secret(value)}, std::move(responder));
        });
    }
    Result<Json> revoke(const std::string& name) {
        return wait_for<Json>([&](Responder<Json> responder) {
            plane_->revoke_secret(root(), {.name = name, .reason = "leaked"}, std::move(responder));
        });
    }
    Result<Json> remove(const std::string& name) {
        return wait_for<Json>([&](Responder<Json> responder) {
            plane_->delete_secret(root(), {.name = name}, std::move(responder));
        });
    }
    Result<Json> rotate() {
        return wait_for<Json>([this](Responder<Json> responder) {
            plane_->rotate_master_key(root(), std::move(responder));
        });
    }
    Result<Json> import(const std::string& name, const std::string& credential) {
        return wait_for<Json>([&](Responder<Json> responder) {
            plane_->import_secret(
                root(), {.name = name, .credential = credential}, std::move(responder));
        });
    }
    std::string read(const std::string& name) {
        const Result<Secret> secret = secrets_->read(name);
        return secret ? std::string(secret->reveal()) : secret.error().message;
    }
    static std::string text(const Json& view, std::string_view key) {
        return view.find("details")->find(key).value_or(Json()).string();
    }
    /// All that anybody could be told, and all that is on record.
    std::string everything() {
        std::string all = codec::canonical_json(*plane_->secrets_view(root()));
        all += codec::canonical_json(plane_->status_view());
        const Result<journal::Page<journal::StoredEvent>> page =
            journal_->events(0, {}, journal::kPageLimit);
        for (const journal::StoredEvent& stored : page->items)
            all += stored.event.type + stored.event.body;
        const Result<journal::Page<journal::SecretRow>> rows =
            journal_->secrets({.after = {}, .limit = journal::kPageLimit});
        for (const journal::SecretRow& row : rows->items)
            all += row.value + row.data_key + row.master_key;
        return all;
    }
};

TEST_F(SecretsTest, AreReadAsTheyWereGivenAndShownNowhere) {
    const Result<Json> made = set("claude", "sk-first");
    ASSERT_TRUE(made.has_value()) << made.error().to_string();
    EXPECT_EQ(text(*made, "state"), "stored");
    EXPECT_EQ(read("claude"), "sk-first");
    ASSERT_TRUE(set("claude", "sk-second").has_value());
    EXPECT_EQ(read("claude"), "sk-second");
    restart();
    EXPECT_EQ(read("claude"), "sk-second");
    const Json view = *plane_->secret_view(root(), "claude");
    EXPECT_EQ(view.find("details")->find("version")->integer(), 2);
    EXPECT_EQ(text(view, "updated_by"), "user:0");
    EXPECT_EQ(everything().find("sk-"), std::string::npos);
    EXPECT_EQ(everything().find(codec::base64_encode("sk-second")), std::string::npos);
}

TEST_F(SecretsTest, AreForAdministrators) {
    const Caller alice = Caller::user(kAlice);
    EXPECT_EQ(set("claude", "sk-1", alice).error().code, Errc::forbidden);
    EXPECT_EQ(plane_->secrets_view(alice).error().code, Errc::forbidden);
    EXPECT_EQ(plane_->secret_view(alice, "claude").error().code, Errc::forbidden);
}

TEST_F(SecretsTest, OfSystemdComeFirstAndAreTakenOverByName) {
    given_.credentials["anthropic-api-key"] = "sk-given";
    EXPECT_EQ(read("anthropic-api-key"), "sk-given");
    EXPECT_EQ(set("anthropic-api-key", "sk-1").error().code, Errc::conflict);
    const Result<Json> taken = import("claude", "anthropic-api-key");
    ASSERT_TRUE(taken.has_value()) << taken.error().to_string();
    given_.credentials.erase("anthropic-api-key");
    EXPECT_EQ(read("claude"), "sk-given");
    EXPECT_EQ(import("claude", "nothing").error().code, Errc::not_found);
    EXPECT_EQ(import("claude", "secrets-master-key").error().code, Errc::forbidden);
}

TEST_F(SecretsTest, NeedAMasterKeyThatIsThere) {
    ASSERT_TRUE(set("claude", "sk-1").has_value());
    const std::string key = given_.credentials["secrets-master-key"];
    given_.credentials.clear();
    EXPECT_NE(read("claude").find("systemd-creds encrypt"), std::string::npos) << read("claude");
    EXPECT_EQ(set("other", "sk-2").error().code, Errc::service_unavailable);
    given_.credentials["secrets-master-key"] = govern::MasterKey::generate(entropy_);
    EXPECT_NE(read("claude").find("give it the one before"), std::string::npos) << read("claude");
    EXPECT_EQ(set("other", "sk-2").error().code, Errc::service_unavailable)
        << "two master keys at once";
    given_.credentials["secrets-master-key"] = "nonsense";
    EXPECT_NE(read("claude").find("32 bytes"), std::string::npos) << read("claude");
    EXPECT_EQ(read("claude").find("nonsense"), std::string::npos);
    given_.credentials["secrets-master-key"] = key;
    EXPECT_EQ(read("claude"), "sk-1");
}

TEST_F(SecretsTest, MoveToTheNextMasterKeyAllOrNone) {
    ASSERT_TRUE(set("claude", "sk-1").has_value());
    ASSERT_TRUE(set("other", "sk-2").has_value());
    ASSERT_TRUE(set("gone", "sk-3").has_value());
    ASSERT_TRUE(remove("gone").has_value());
    EXPECT_EQ(rotate().error().code, Errc::service_unavailable) << "there is no next one";
    given_.credentials["secrets-master-key-next"] = govern::MasterKey::generate(entropy_);
    const Result<Json> rotated = rotate();
    ASSERT_TRUE(rotated.has_value()) << rotated.error().to_string();
    EXPECT_EQ(rotated->find("secrets")->integer(), 2);
    EXPECT_NE(rotated->find("from")->string(), rotated->find("to")->string());
    EXPECT_EQ(rotate().error().code, Errc::conflict);
    ASSERT_TRUE(set("third", "sk-4").has_value()) << "goes where the others are";
    // The next one becomes the one.
    given_.credentials["secrets-master-key"] = given_.credentials["secrets-master-key-next"];
    given_.credentials.erase("secrets-master-key-next");
    restart();
    EXPECT_EQ(read("claude"), "sk-1");
    EXPECT_EQ(read("other"), "sk-2");
    EXPECT_EQ(read("third"), "sk-4");
}

TEST_F(SecretsTest, ThatARouteNeedsAreNotDeleted) {
    routes_->need_credential("claude");
    ASSERT_TRUE(set("claude", "sk-1").has_value());
    EXPECT_EQ(
        plane_->secret_view(root(), "claude")->find("details")->find("routes")->at(0).string(),
        "fake");
    EXPECT_EQ(remove("claude").error().code, Errc::conflict);
    routes_->need_credential("another");
    ASSERT_TRUE(remove("claude").has_value());
    EXPECT_EQ(plane_->secret_view(root(), "claude").error().code, Errc::not_found);
    EXPECT_EQ(remove("claude").error().code, Errc::not_found);
    EXPECT_TRUE(journal_->secret("claude")->value.empty());
    ASSERT_TRUE(set("claude", "sk-2").has_value());
    EXPECT_EQ(read("claude"), "sk-2");
}

TEST_F(SecretsTest, ThatAreRevokedAreGoneAndAbortWhatUsesThem) {
    routes_->need_credential("claude");
    ASSERT_TRUE(set("claude", "sk-1").has_value());
    make_session("demo");
    const RunId run = submit("demo", "go");
    const std::shared_ptr<FakeModel::Call> asked = routes_->fake.current();
    ASSERT_NE(asked, nullptr);
    ASSERT_TRUE(revoke("claude").has_value());
    EXPECT_TRUE(asked->aborted);
    EXPECT_EQ(wait_reason(run), "credential");
    EXPECT_EQ(status(run), "running");
    EXPECT_NE(read("claude").find("revoked"), std::string::npos);
    EXPECT_TRUE(journal_->secret("claude")->value.empty());
    EXPECT_EQ(revoke("claude").error().code, Errc::conflict);
    ASSERT_TRUE(set("claude", "sk-2").has_value());
    EXPECT_EQ(wait_reason(run), "model") << "it goes on by itself";
    routes_->fake.answer("done");
    settle();
    EXPECT_EQ(status(run), "completed");
    expect_rows_follow_events(run);
}

TEST_F(SecretsTest, OneThatIsNotTakenIsWaitedFor) {
    routes_->need_credential("claude");
    make_session("demo");
    const RunId run = submit("demo", "go");
    routes_->fake.fail(models::CallError::Kind::authentication);
    settle();
    EXPECT_EQ(wait_reason(run), "credential");
    const Json explanation = *view(run).find("explanation");
    EXPECT_NE(codec::canonical_json(explanation).find("kheishctl secrets set"), std::string::npos)
        << codec::canonical_json(explanation);
    ASSERT_TRUE(set("unrelated", "sk-1").has_value());
    EXPECT_EQ(wait_reason(run), "credential");
    const std::size_t before = routes_->fake.call_count();
    // It may be good again without anybody saying so.
    timers_->pass(std::chrono::hours(2));
    settle();
    EXPECT_EQ(routes_->fake.call_count(), before + 1);
    for (int i = 0; i < 12; ++i) {
        routes_->fake.fail(models::CallError::Kind::authentication);
        settle();
        EXPECT_EQ(wait_reason(run), "credential") << "it never gives up";
        timers_->pass(std::chrono::hours(2));
        settle();
    }
    routes_->fake.fail(models::CallError::Kind::authentication);
    settle();
    restart(); // systemd may have given another one
    host_->observer->on_adopted(run, 1, {});
    settle();
    EXPECT_EQ(wait_reason(run), "model");
    routes_->fake.answer("done");
    settle();
    EXPECT_EQ(status(run), "completed");
    expect_rows_follow_events(run);
}

TEST_F(SecretsTest, EventsThatCannotFollowAreNotTaken) {
    const auto follow = [](std::optional<journal::SecretRow> row, engine::EventBody body) {
        engine::Event event;
        event.body = std::move(body);
        return follow_secret(std::move(row), event);
    };
    const Result<journal::SecretRow> first = follow({}, engine::SecretStored{"a", 1, ""});
    ASSERT_TRUE(first.has_value());
    EXPECT_FALSE(follow({}, engine::SecretStored{"a", 2, ""}).has_value());
    EXPECT_FALSE(follow(*first, engine::SecretStored{"a", 1, ""}).has_value());
    EXPECT_TRUE(follow(*first, engine::SecretStored{"a", 2, ""}).has_value());
    EXPECT_FALSE(follow({}, engine::SecretRevoked{"a", ""}).has_value());
    const Result<journal::SecretRow> revoked = follow(*first, engine::SecretRevoked{"a", ""});
    ASSERT_TRUE(revoked.has_value());
    EXPECT_FALSE(follow(*revoked, engine::SecretRevoked{"a", ""}).has_value());
    const Result<journal::SecretRow> deleted = follow(*revoked, engine::SecretDeleted{"a", ""});
    ASSERT_TRUE(deleted.has_value());
    EXPECT_FALSE(follow(*deleted, engine::SecretDeleted{"a", ""}).has_value());
    EXPECT_TRUE(follow(*deleted, engine::SecretStored{"a", 2, ""}).has_value());
    EXPECT_FALSE(follow({}, engine::MasterKeyRotated{"a", "b", 1}).has_value());
}

TEST(SecretRequests, TakeOneLineOfPrintableText) {
    const Json options = Json::object({{"name", "claude"}});
    EXPECT_EQ(parse_set_secret(options, Secret("sk-1\n"))->value.reveal(), "sk-1");
    for (const std::string& bad :
         {std::string(),
          std::string("\n"),
          std::string("a b"),
          std::string("a\nb"),
          std::string("caf\xc3\xa9"),
          std::string(8193, 'k')}) {
        const Result<SetSecret> refused = parse_set_secret(options, Secret(bad));
        ASSERT_FALSE(refused.has_value()) << bad.size();
        if (bad.size() > 2) {
            EXPECT_EQ(refused.error().message.find(bad.substr(0, 3)), std::string::npos);
        }
    }
    for (const char* name : {"", ".a", "a/b", "a b", "caf\xc3\xa9"})
        EXPECT_FALSE(parse_set_secret(Json::object({{"name", name}}), Secret("sk-1")).has_value())
            << name;
    const Result<SetSecret> slot = parse_slot_record(*codec::parse_json(
        R"({"slot_id":"claude","provider":"anthropic","mode":"api_key","state":{"value":"sk-1"}})"));
    ASSERT_TRUE(slot.has_value());
    EXPECT_EQ(slot->value.reveal(), "sk-1");
    EXPECT_FALSE(parse_slot_record(*codec::parse_json(R"({"slot_id":"claude"})")).has_value());
}

} // namespace
} // namespace kheish::control
