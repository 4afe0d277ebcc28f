#include "app.hpp"
#include "journal/sqlite_journal.hpp"
#include "options.hpp"
#include "sim_journal.hpp"

#include <csignal>
#include <iostream>
#include <span>

/// kheishd with a fault that every test of durability has to find: what follows the start of a call
/// happens before the start is written.
namespace {

using namespace kheish;

Result<std::unique_ptr<journal::Journal>>
open_acting_first(const std::string& path, const Clock& clock, Entropy& entropy) {
    KHEISH_TRY(
        std::unique_ptr<journal::SqliteJournal> journal,
        journal::SqliteJournal::open(path, {}, clock, entropy));
    auto front = std::make_unique<sim::SimJournal>(std::move(journal));
    front->act_before_writing();
    return front;
}

} // namespace

int main(int argc, char** argv) {
    (void)std::signal(SIGPIPE, SIG_IGN);
    const Result<Options> options = parse_options(std::span(argv, static_cast<std::size_t>(argc)));
    Result<std::unique_ptr<App>> app =
        options ? App::open(*options, open_acting_first)
                : Result<std::unique_ptr<App>>(tl::unexpected(options.error()));
    if (!app) {
        std::cerr << "kheishd-acting-first: " << app.error().message << '\n';
        return EXIT_FAILURE;
    }
    return (*app)->run();
}
