#pragma once

#include <string>

/// Closed-loop clients of the HTTP benchmarks, on epoll. They measure and judge nothing.
namespace bench {

/// Responses a second over 32 connections, each asking again as soon as it has its answer.
double requests_per_second(const std::string& path, const std::string& request);

/// Bytes a second from the first frame to the last of `frames`, over `streams` connections.
double stream_bytes_per_second(
    const std::string& path, const std::string& request, int streams, int frames);

/// A path for the server's socket, the same for the life of the process.
std::string socket_path();

} // namespace bench
