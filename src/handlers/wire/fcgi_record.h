// SPDX-License-Identifier: MIT
// handlers/wire/fcgi_record.h: the records between a web server and a FastCGI program in the role
// of a responder (FastCGI specification 1.0), one request on a connection at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/recv_buffer.h"
#include "base/send_queue.h"
#include "handlers/wire/cgi_env.h"

namespace uvhttpd::wire {

// A request is begin, params, any number of stdin and one stdin end, in this order.
// `keep_connection`: the program is not to close it after the request.
void append_begin_request(SendQueue& out, bool keep_connection);
// The whole stream of name-value pairs with its end (section 3.4).
void append_params(SendQueue& out, const Variables& variables);
// A piece of the request's body; an empty one appends nothing.
void append_stdin(SendQueue& out, std::string_view bytes);
void append_stdin_end(SendQueue& out);

// How a program ended a request (section 5.5).
enum class FcgiStatus : std::uint8_t {
  request_complete = 0,
  cant_mpx_conn = 1,
  overloaded = 2,
  unknown_role = 3,
};
// As the specification calls it: "FCGI_OVERLOADED".
std::string_view name_of(FcgiStatus status);

// Takes the records of a program's answer to one request apart. Records of types that a web server
// does not know and those of no request are skipped, as is padding.
class FcgiDecoder {
 public:
  enum class Event { need_more, output, errors, end, fault };
  // What must fit into the buffer at least.
  static constexpr std::size_t kMinBufferBytes = 8;

  // Looks at the front of the buffer; consumes all but output and errors. After `output` (standard
  // output) and `errors` (standard error), data() is the front of the buffer until the next call
  // that changes it, some of the stream: take() what was used. After `end` the request is over and
  // what is in the buffer belongs to none. After `end` or `fault` it must not be called again.
  Event next(RecvBuffer& buffer);
  std::string_view data() const { return data_; }
  void take(RecvBuffer& buffer, std::size_t bytes);

  // Octets of output that are sure to follow: of the record whose header has been read.
  std::size_t announced() const { return state_ == State::output ? left_ : 0; }
  // `bytes` of those have been received elsewhere than into the buffer, which must be empty.
  void skip(std::size_t bytes);

  // After `end`.
  FcgiStatus protocol_status() const { return protocol_status_; }
  std::uint32_t app_status() const { return app_status_; }  // as of exit()
  // After `fault`: what is wrong, a string literal.
  std::string_view fault() const { return fault_; }

 private:
  enum class State : std::uint8_t { header, output, errors, end_request, passed_over, end };
  bool fail(std::string_view reason);
  void pass_over(std::size_t bytes);
  // Both consume what they read and choose the next state; false: see fault_.
  bool read_header(RecvBuffer& buffer);
  bool read_end_request(RecvBuffer& buffer);

  State state_ = State::header;
  bool has_ended_ = false;  // nothing but the padding of the last record is to come
  std::uint8_t padding_ = 0;
  std::size_t left_ = 0;  // of the record's content, or of what is passed over
  FcgiStatus protocol_status_ = FcgiStatus::request_complete;
  std::uint32_t app_status_ = 0;
  std::string_view data_;
  std::string_view fault_;
};

}  // namespace uvhttpd::wire
