#pragma once

#include "base/handle.hpp"

#include <event2/buffer.h>
#include <event2/bufferevent.h>

namespace kheish::http {

using BufferEvent = Handle<bufferevent, bufferevent_free>;
using Buffer = Handle<evbuffer, evbuffer_free>;

} // namespace kheish::http
