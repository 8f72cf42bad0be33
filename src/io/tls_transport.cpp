// SPDX-License-Identifier: MIT
#include "io/tls_transport.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "io/socket.h"
#include "io/tls_files.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;
constexpr std::size_t kMaxPieces = 16;         // of one record
constexpr int kReadsPerCall = 16;              // so that one peer cannot keep the loop
constexpr std::size_t kMaxDiscard = 64 << 10;  // behind a handshake that failed
constexpr char kHandshakeRecord = 0x16;        // RFC 8446 section 5.1

constexpr unsigned kReadableOrWritable = ready::kReadable | ready::kWritable;

ssize_t receive_octets(int fd, void* into, std::size_t size, int flags) {
  ssize_t got = 0;
  do {
    got = ::syscall(SYS_recvfrom, fd, into, size, flags, nullptr, nullptr);
  } while (got < 0 && errno == EINTR);
  return got;
}

bool is_temporary(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// Fills all of `into`; 0 or an errno: EIO when the file has become too short.
int read_range(int fd, std::uint64_t offset, std::span<char> into) {
  while (!into.empty()) {
    const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0 ? EIO : errno;
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return 0;
}

// Of a handshake that has just failed.
std::string_view certificate_fault(const SSL* ssl) {
  const long verdict = ::SSL_get_verify_result(ssl);
  if (verdict != X509_V_OK) return ::X509_verify_cert_error_string(verdict);
  const unsigned long error = ::ERR_peek_error();
  const bool is_missing = ERR_GET_LIB(error) == ERR_LIB_SSL &&
                          ERR_GET_REASON(error) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
  return is_missing ? "peer did not return a certificate" : std::string_view();
}

std::string hexadecimal(std::span<const unsigned char> octets) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char octet : octets) {
    text += kDigits[octet >> 4];
    text += kDigits[octet & 15];
  }
  return text;
}

}  // namespace

std::optional<HandshakePlace> HandshakePlace::take(std::atomic<std::uint64_t>& count,
                                                   std::uint64_t most) {
  const std::uint64_t before = count.fetch_add(1, std::memory_order_relaxed);
  HandshakePlace place(count);
  if (most != 0 && before >= most) return std::nullopt;
  return std::optional<HandshakePlace>(std::move(place));
}

struct TlsWorkspace {
  TlsWorkspace() : method(::BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_TYPE_START, "uvhttpd")) {
    ASSERT(method != nullptr);
    ::BIO_meth_set_create(method, [](BIO* bio) {
      ::BIO_set_init(bio, 1);
      return 1;
    });
    ::BIO_meth_set_read(method, [](BIO* bio, char* into, int size) {
      ::BIO_clear_retry_flags(bio);
      const int got = transport_of(bio).read_octets(into, size);
      if (got < 0 && is_temporary(errno)) ::BIO_set_retry_read(bio);
      return got;
    });
    ::BIO_meth_set_ctrl(method, [](BIO* bio, int command, long, void*) -> long {
      return command == BIO_CTRL_EOF && transport_of(bio).has_seen_fin_ ? 1 : 0;
    });
  }
  ~TlsWorkspace() { ::BIO_meth_free(method); }
  TlsWorkspace(const TlsWorkspace&) = delete;
  TlsWorkspace& operator=(const TlsWorkspace&) = delete;

  static TlsTransport& transport_of(BIO* bio) {
    return *static_cast<TlsTransport*>(::BIO_get_data(bio));
  }

  BIO_METHOD* method;
  std::array<char, kRecord> record;
};

TlsTransport::TlsTransport(EventLoop& loop, UniqueFd socket, FdWatcher::Callback callback,
                           void* owner, std::shared_ptr<const TlsContext> context, Options options)
    : loop_(loop),
      workspace_(loop.object<TlsWorkspace>()),
      socket_(std::move(socket)),
      callback_(callback),
      owner_(owner),
      context_(std::move(context)),
      place_(std::move(options.place)),
      phase_(options.has_preface ? Phase::preface : Phase::first_octet) {
  if (options.has_preface) plain_.emplace(loop_, std::move(socket_), callback_, owner_);
}

TlsTransport::~TlsTransport() { say_goodbye(); }

// The handshake.

bool TlsTransport::end_preface(std::string_view unread) {
  ASSERT(phase_ == Phase::preface);
  socket_ = plain_->take_socket();
  plain_.reset();
  given_back_ = unread;
  phase_ = Phase::first_octet;
  want(wanted_);
  return true;
}

IoResult TlsTransport::look_at_first_octet() {
  char first = 0;
  if (!given_back_.empty()) {
    first = given_back_.front();
  } else {
    const ssize_t got = receive_octets(socket_.get(), &first, 1, MSG_PEEK);
    if (got == 0) return {IoResult::Kind::end, 0, 0};
    if (got < 0 && is_temporary(errno)) return {IoResult::Kind::blocked, 0, 0};
    if (got < 0) return fail(errno);
  }
  if (first == kHandshakeRecord) {
    begin_handshake();
    return {IoResult::Kind::done, 0, 0};
  }
  phase_ = Phase::plain;
  info_.is_plain = true;
  place_ = {};
  watcher_.reset();
  plain_.emplace(loop_, std::move(socket_), callback_, owner_);
  plain_->want(wanted_);
  return {IoResult::Kind::done, 0, 0};
}

// The kernel can encrypt what goes out only when the library has the socket itself there. What
// comes in is read by us: the preface's rest first, and no more than a call's share.
void TlsTransport::begin_handshake() {
  phase_ = Phase::handshake;
  ssl_ = context_->open(info_);
  BIO* input = ::BIO_new(workspace_.method);
  output_ = ::BIO_new_socket(socket_.get(), BIO_NOCLOSE);
  ASSERT(input != nullptr && output_ != nullptr);
  ::BIO_set_data(input, this);
  ::SSL_set0_rbio(ssl_.get(), input);
  ::SSL_set0_wbio(ssl_.get(), output_);
}

// `done` when octets of the application may follow, in clear or encrypted.
IoResult TlsTransport::shake() {
  if (phase_ == Phase::first_octet) {
    const IoResult first = look_at_first_octet();
    if (first.kind != IoResult::Kind::done || phase_ == Phase::plain) return first;
  }
  begin_call();
  const int result = ::SSL_do_handshake(ssl_.get());
  if (result != 1) {
    const IoResult failure = why_not(result, shake_wants_);
    if (failure.kind != IoResult::Kind::end) return failure;
    return fail(ECONNRESET);
  }
  phase_ = Phase::established;
  place_ = {};
  describe();
  is_kernel_sending_ = BIO_get_ktls_send(::SSL_get_wbio(ssl_.get())) != 0;
  preamble_ = ::BIO_number_written(output_);
  return {IoResult::Kind::done, 0, 0};
}

void TlsTransport::describe() {
  info_.is_established = true;
  info_.version = ::SSL_get_version(ssl_.get());
  info_.cipher = ::SSL_get_cipher_name(ssl_.get());
  info_.is_resumed = ::SSL_session_reused(ssl_.get()) == 1;
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  ::SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
  if (size > 0) info_.protocol = {reinterpret_cast<const char*>(protocol), size};
  describe_client();
}

void TlsTransport::describe_client() {
  X509* certificate = ::SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr || ::SSL_get_verify_result(ssl_.get()) != X509_V_OK) return;
  info_.has_client_certificate = true;
  info_.client_verify = "SUCCESS";
  info_.client_subject = subject_of(certificate);
  const std::unique_ptr<BIGNUM, decltype(&::BN_free)> serial(
      ::ASN1_INTEGER_to_BN(::X509_get0_serialNumber(certificate), nullptr), &::BN_free);
  char* digits = serial != nullptr ? ::BN_bn2hex(serial.get()) : nullptr;
  if (digits != nullptr) info_.client_serial = digits;
  ::OPENSSL_free(digits);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (::X509_digest(certificate, ::EVP_sha256(), digest.data(), &size) == 1) {
    info_.client_fingerprint = hexadecimal({digest.data(), size});
  }
}

// Octets.

IoResult TlsTransport::receive(std::span<char> into) {
  if (is_before_data()) {
    const IoResult result = shake();
    if (result.kind != IoResult::Kind::done && result.kind != IoResult::Kind::blocked) {
      is_end_told_ = true;
    }
    if (result.kind != IoResult::Kind::done) return result;
  }
  if (phase_ == Phase::failed) return receive_after_failure(into);
  const IoResult result = plain_ ? receive_plain(into) : receive_encrypted(into);
  if (has_input() && (wanted_ & ready::kReadable) != 0) tell_soon();
  return result;
}

IoResult TlsTransport::receive_plain(std::span<char> into) {
  if (given_back_.empty()) return plain_->receive(into);
  const std::size_t size = std::min(into.size(), given_back_.size());
  std::memcpy(into.data(), given_back_.data(), size);
  given_back_.erase(0, size);
  return {IoResult::Kind::done, size, 0};
}

IoResult TlsTransport::receive_after_failure(std::span<char> into) {
  if (!is_end_told_) {
    is_end_told_ = true;
    return {IoResult::Kind::failed, 0, error_};
  }
  const ssize_t got = receive_octets(socket_.get(), into.data(), into.size(), MSG_DONTWAIT);
  if (got > 0) return {IoResult::Kind::done, static_cast<std::size_t>(got), 0};
  if (got == 0) return {IoResult::Kind::end, 0, 0};
  if (is_temporary(errno)) return {IoResult::Kind::blocked, 0, 0};
  return {IoResult::Kind::failed, 0, errno};
}

IoResult TlsTransport::receive_encrypted(std::span<char> into) {
  if (has_ended_) return end_of_input();
  begin_call();
  is_dry_ = false;
  std::size_t total = 0;
  while (total < into.size()) {
    std::size_t got = 0;
    const int result = ::SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &got);
    total += got;
    if (result == 1) continue;
    IoResult reason = why_not(result, read_wants_);
    if (reason.kind == IoResult::Kind::blocked) is_dry_ = true;
    if (reason.kind == IoResult::Kind::end) has_ended_ = true;
    if (total > 0) break;
    return has_ended_ ? end_of_input() : reason;
  }
  return {IoResult::Kind::done, total, 0};
}

// The library takes any FIN for the end when it is told to take any at all.
IoResult TlsTransport::end_of_input() {
  const bool is_within_record = ::SSL_has_pending(ssl_.get()) == 1 ||
                                std::string_view(::SSL_rstate_string(ssl_.get())) == "RB";
  if (has_seen_fin_ && is_within_record) return fail(ECONNRESET);
  is_end_told_ = true;
  return {IoResult::Kind::end, 0, 0};
}

IoResult TlsTransport::send(SendQueue& queue, std::size_t limit) {
  if (phase_ == Phase::plain) return plain_->send(queue, limit);
  if (phase_ == Phase::failed) return {IoResult::Kind::failed, 0, error_};
  if (phase_ != Phase::established) return {IoResult::Kind::blocked, 0, 0};
  std::size_t total = 0;
  while (!queue.empty() && total < limit) {
    const SendQueue::FileRange file = queue.front_file();
    const IoResult result = is_kernel_sending_ && file.fd >= 0 && pending_ == 0
                                ? send_file(file, limit - total)
                                : send_record(queue, limit - total);
    if (result.kind != IoResult::Kind::done) return {result.kind, total, result.error};
    queue.consume(result.bytes);
    total += result.bytes;
    sent_ += result.bytes;
  }
  return {IoResult::Kind::done, total, 0};
}

IoResult TlsTransport::send_file(const SendQueue::FileRange& file, std::size_t limit) {
  begin_call();
  const std::size_t size = std::min<std::uint64_t>(file.length, limit);
  const ossl_ssize_t sent =
      ::SSL_sendfile(ssl_.get(), file.fd, static_cast<off_t>(file.offset), size, 0);
  if (sent == 0) return {IoResult::Kind::failed, 0, EIO};
  if (sent < 0) return why_not(static_cast<int>(sent), write_wants_);
  sent_files_ += static_cast<std::uint64_t>(sent);
  return {IoResult::Kind::done, static_cast<std::size_t>(sent), 0};
}

// A record that the library could not send has to be given to it again with its length: the queue's
// front is still the same then.
IoResult TlsTransport::send_record(const SendQueue& queue, std::size_t limit) {
  const std::size_t most = pending_ > 0 ? pending_ : std::min(kRecord, limit);
  std::array<iovec, kMaxPieces> pieces;
  const std::size_t count = queue.gather(pieces, most);
  const SendQueue::FileRange file = queue.first_file();
  std::size_t size = 0;
  for (std::size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
  const char* octets = nullptr;
  if (count == 1 && (size == most || file.fd < 0)) {
    octets = static_cast<const char*>(pieces[0].iov_base);
  } else {
    char* end = workspace_.record.data();
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(end, pieces[i].iov_base, pieces[i].iov_len);
      end += pieces[i].iov_len;
    }
    // Fewer pieces than there was room for end at the file, or with the queue.
    if (file.fd >= 0 && count < kMaxPieces && size < most) {
      const std::size_t wanted = std::min<std::uint64_t>(file.length, most - size);
      if (const int error = read_range(file.fd, file.offset, {end, wanted}); error != 0) {
        return {IoResult::Kind::failed, 0, error};
      }
      size += wanted;
    }
    octets = workspace_.record.data();
  }
  ASSERT(pending_ == 0 || size == pending_);
  begin_call();
  std::size_t written = 0;
  const int result = ::SSL_write_ex(ssl_.get(), octets, size, &written);
  if (result != 1) {
    pending_ = size;
    return why_not(result, write_wants_);
  }
  pending_ = 0;
  write_wants_ = ready::kWritable;
  return {IoResult::Kind::done, written, 0};
}

IoResult TlsTransport::why_not(int result, unsigned& wanted) {
  const int error = errno;
  switch (::SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: wanted = ready::kReadable; break;
    case SSL_ERROR_WANT_WRITE: wanted = ready::kWritable; break;
    case SSL_ERROR_ZERO_RETURN: return {IoResult::Kind::end, 0, 0};
    case SSL_ERROR_SYSCALL: return fail(error != 0 ? error : ECONNRESET);
    default: return fail(EPROTO);
  }
  return {IoResult::Kind::blocked, 0, 0};
}

IoResult TlsTransport::fail(int error) {
  const bool was_established = phase_ == Phase::established;
  if (!was_established && ssl_ != nullptr) {
    const char* reason = ::ERR_reason_error_string(::ERR_peek_error());
    info_.failure = reason != nullptr ? reason : "the peer has gone";
    info_.certificate_fault = certificate_fault(ssl_.get());
    discard_input();
  }
  ::ERR_clear_error();
  phase_ = Phase::failed;
  error_ = error;
  place_ = {};
  return {IoResult::Kind::failed, 0, error};
}

// Closing with octets unread would reset the connection, and take along the alert that tells the
// peer what was wrong.
void TlsTransport::discard_input() {
  for (std::size_t total = 0; total < kMaxDiscard; total += workspace_.record.size()) {
    const ssize_t got = receive_octets(socket_.get(), workspace_.record.data(),
                                       workspace_.record.size(), MSG_DONTWAIT);
    if (got <= 0) return;
  }
}

void TlsTransport::begin_call() {
  ::ERR_clear_error();
  errno = 0;
  is_emptied_ = false;
  reads_left_ = kReadsPerCall;
}

// A kernel that gave less than it was asked for has no more; what comes later epoll tells.
int TlsTransport::read_octets(char* into, int size) {
  const auto room = static_cast<std::size_t>(size);
  if (!given_back_.empty()) {
    const std::size_t given = std::min(room, given_back_.size());
    std::memcpy(into, given_back_.data(), given);
    given_back_.erase(0, given);
    return static_cast<int>(given);
  }
  if (is_emptied_ || reads_left_ == 0) {
    errno = EAGAIN;
    return -1;
  }
  --reads_left_;
  const ssize_t got = receive_octets(socket_.get(), into, room, 0);
  is_emptied_ = got > 0 && static_cast<std::size_t>(got) < room;
  has_seen_fin_ = got == 0;
  return static_cast<int>(got);
}

// The end.

void TlsTransport::say_goodbye() {
  if (phase_ != Phase::established || is_cut_off_ || pending_ > 0) return;
  if ((::SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) return;
  begin_call();
  ::SSL_shutdown(ssl_.get());
  ::ERR_clear_error();
}

void TlsTransport::shutdown_write() {
  if (plain_) return plain_->shutdown_write();
  say_goodbye();
  ::shutdown(socket_.get(), SHUT_WR);
}

void TlsTransport::cut_off() {
  is_cut_off_ = true;
  if (plain_) return plain_->cut_off();
  reset_on_close(socket_.get());
}

// The kernel counts what is on the wire. What is acknowledged must never become less, so records'
// overhead counts as if it were the owner's octets.
std::uint64_t TlsTransport::unacknowledged() const {
  if (plain_) return plain_->unacknowledged();
  const std::uint64_t queued = queued_octets(socket_.get());
  if (phase_ != Phase::established) return queued;
  const std::uint64_t wire = ::BIO_number_written(output_) - preamble_ + sent_files_;
  return sent_ - std::min(sent_, wire - std::min(wire, queued));
}

// Readiness.

bool TlsTransport::has_input() const {
  if (is_end_told_) return false;
  if (!given_back_.empty()) return true;
  if (phase_ == Phase::failed) return true;
  if (phase_ != Phase::established) return false;
  return has_ended_ || (!is_dry_ && ::SSL_has_pending(ssl_.get()) == 1);
}

void TlsTransport::want(unsigned interest) {
  wanted_ = interest;
  if (plain_) {
    // Nothing can be sent before the preface is over.
    plain_->want(phase_ == Phase::preface ? interest & ready::kReadable : interest);
  } else {
    update_watch();
  }
  if ((interest & ready::kReadable) != 0 && has_input()) tell_soon();
}

void TlsTransport::update_watch() {
  unsigned mask = ready::kNothing;
  if (is_before_data()) {
    if ((wanted_ & kReadableOrWritable) != 0 && !is_end_told_) mask = shake_wants_;
  } else {
    const bool may_receive = !is_end_told_ || phase_ == Phase::failed;
    if ((wanted_ & ready::kReadable) != 0 && may_receive) mask |= read_wants_;
    if ((wanted_ & ready::kWritable) != 0) mask |= write_wants_;
    mask |= wanted_ & ready::kEnded;
  }
  if (!watcher_) {
    watcher_.emplace(
        loop_, socket_.get(),
        [](void* self, unsigned now) { static_cast<TlsTransport*>(self)->on_ready(now); }, this);
  }
  watcher_->watch(mask, true);
}

// The callback may destroy the transport.
void TlsTransport::on_ready(unsigned now_ready) {
  unsigned told = now_ready & ready::kGone;
  if (is_before_data() && told == ready::kNothing) {
    if (shake().kind == IoResult::Kind::blocked) return update_watch();
    told = wanted_ & kReadableOrWritable;
  } else {
    if ((now_ready & read_wants_) != 0) told |= wanted_ & ready::kReadable;
    if ((now_ready & write_wants_) != 0) told |= wanted_ & ready::kWritable;
    told |= now_ready & wanted_ & ready::kEnded;
  }
  if (told != ready::kNothing) callback_(owner_, told);
}

void TlsTransport::tell_soon() {
  if (!soon_) {
    soon_.reset(new Soon{{}, this});
    uv_idle_init(loop_.raw(), &soon_->handle);
  }
  uv_idle_start(&soon_->handle,
                [](uv_idle_t* handle) { reinterpret_cast<Soon*>(handle)->transport->on_soon(); });
}

void TlsTransport::on_soon() {
  if ((wanted_ & ready::kReadable) == 0 || !has_input()) {
    uv_idle_stop(&soon_->handle);
    return;
  }
  if (is_before_data()) return on_ready(ready::kReadable);
  callback_(owner_, ready::kReadable);
}

}  // namespace uvhttpd
