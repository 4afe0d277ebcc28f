#pragma once

#include "base/handle.hpp"

#include <curl/curl.h>
#include <event2/event.h>

namespace kheish::loop {

using EventBaseHandle = Handle<event_base, event_base_free>;
using EventHandle = Handle<event, event_free>;
/// Every CURL* and CURLM* here is `void`, so the release function is what tells them apart.
using CurlEasy = Handle<CURL, curl_easy_cleanup>;
using CurlMulti = Handle<CURLM, curl_multi_cleanup>;
using CurlList = Handle<curl_slist, curl_slist_free_all>;

} // namespace kheish::loop
