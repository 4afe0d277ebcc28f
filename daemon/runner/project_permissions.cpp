#include "runner/project_permissions.hpp"

#include "base/text.hpp"
#include "runner/workspace.hpp"

#include <cerrno>

namespace kheish::runner {

namespace {

using codec::runner::kPayloadBytes;
using codec::runner::kProjectPermissionsPath;

Result<std::string> read_text(const Workspace::File& file) {
    if (file.state.st_size > static_cast<off_t>(kPayloadBytes))
        return fail(
            Errc::bad_request, "is longer than " + std::to_string(kPayloadBytes) + " bytes");
    KHEISH_TRY(std::string text, read_all(file.fd.get(), kPayloadBytes));
    if (!is_valid_utf8(text))
        return fail(Errc::bad_request, "is not UTF-8");
    return text;
}

} // namespace

codec::runner::ProjectPermissions read_project_permissions(const std::string& workspace) {
    const std::string path(kProjectPermissionsPath);
    codec::runner::ProjectPermissions project;
    const Result<Workspace> opened = Workspace::open(workspace);
    const Result<Workspace::File> file =
        opened ? opened->open_file(path) : Result<Workspace::File>(fail(opened.error()));
    if (!file) {
        project.found = file.error().sys_errno != ENOENT || !opened;
        project.error = project.found ? file.error().message : "";
        return project;
    }
    project.found = true;
    Result<std::string> text = read_text(*file);
    if (text)
        project.text = *std::move(text);
    else
        project.error = path + ": " + text.error().message;
    return project;
}

} // namespace kheish::runner
