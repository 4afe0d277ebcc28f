#include "base/text.hpp"
#include "runner/file_tools.hpp"
#include "runner/replaceable_file.hpp"

namespace kheish::runner {
namespace {

/// Ok where the file may be replaced; true where it already is what it should become.
Result<bool> check_expectation(const ReplaceableFile& file, const tools::WriteFileInput& input) {
    if (!input.expected_sha256)
        return false;
    const std::string name = escape_for_display(input.path);
    if (!file.exists())
        return fail(Errc::bad_request, name + ": does not exist, so it has no SHA-256");
    KHEISH_TRY(const codec::Digest digest, file.digest());
    if (digest == *input.expected_sha256)
        return false;
    if (digest == codec::sha256(input.content))
        return true;
    return fail(
        Errc::bad_request,
        name + ": has SHA-256 " + digest.to_hex() + ", not the expected one; read it again");
}

} // namespace

Result<FileToolResult> write_file(const Workspace& workspace, const tools::WriteFileInput& input) {
    KHEISH_TRY(
        const ReplaceableFile file,
        ReplaceableFile::open(workspace, input.path, input.create_directories));
    KHEISH_TRY(const bool done, check_expectation(file, input));
    if (!done)
        KHEISH_CHECK(file.replace(input.content));
    return FileToolResult{
        "wrote " + std::to_string(input.content.size()) + " bytes to " +
            escape_for_display(input.path) + ", SHA-256 " + codec::sha256(input.content).to_hex() +
            "\n",
        false};
}

} // namespace kheish::runner
