// SPDX-License-Identifier: MIT
#include "handlers/cgi_run.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "server/site.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kShownBytes = 200;   // of a broken head, in the log
constexpr Duration kExitWait{1};           // that the loop may be held up by a program that ends
constexpr Duration kExitPatience{60'000};  // when timeout_idle gives no limit

wire::Variables configured_variables(const config::CgiHandler& settings) {
  wire::Variables variables;
  for (const std::string& name : settings.pass_env) {
    if (const char* value = std::getenv(name.c_str()); value != nullptr) {
      variables.emplace_back(name, value);
    }
  }
  variables.insert(variables.end(), settings.env.begin(), settings.env.end());
  return variables;
}

// RFC 3875 section 5: such a program believes the connection to be its own.
bool is_nph(std::string_view filename) {
  return filename.substr(filename.rfind('/') + 1).starts_with("nph-");
}

// How it ended, to be put behind what became of its output.
std::string end_text(const std::optional<Process::Exit>& exit) {
  return exit ? ", " + exit->text() : ", and it runs on";
}

void arm(DeadlineList& list, DeadlineNode& node) {
  if (list.duration() > Duration{0}) list.arm(node);
}

}  // namespace

CgiPlaces::CgiPlaces(EventLoop& loop, std::shared_ptr<ProgramPlaces> places)
    : clock(loop), admission(clock, std::move(places)) {}

std::shared_ptr<CgiPlaces> CgiPlacesOfLoop::get(const std::shared_ptr<ProgramPlaces>& places) {
  std::erase_if(known_, [](const auto& each) { return each.second.expired(); });
  std::weak_ptr<CgiPlaces>& known = known_[places.get()];
  std::shared_ptr<CgiPlaces> found = known.lock();
  if (!found) known = found = std::make_shared<CgiPlaces>(loop_, places);
  return found;
}

CgiShared::CgiShared(EventLoop& its_loop, Log& its_log, Activity& its_activity,
                     const config::CgiHandler& handler,
                     const std::shared_ptr<ProgramPlaces>& program_places,
                     std::string its_document_root, CgiRights its_rights)
    : loop(its_loop),
      log(its_log),
      activity(its_activity),
      settings(handler),
      document_root(std::move(its_document_root)),
      configured(configured_variables(handler)),
      rights(std::move(its_rights)),
      no_input(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      scratch(std::make_unique_for_overwrite<char[]>(kReadBytes)),
      places(loop.object<CgiPlacesOfLoop>().get(program_places)),
      queue_deadlines(places->clock, handler.queue_timeout),
      head_deadlines(places->clock, handler.timeout_head),
      idle_deadlines(places->clock, handler.timeout_idle),
      total_deadlines(places->clock, handler.timeout_total),
      reaper(loop.object<ProcessReaper>()),
      unfit_names(loop.object<UnfitNames>()) {}

ProcessReaper::Bereaved CgiShared::bereaved() const {
  return {places, [](void* owner) {
            Admission& admission = static_cast<CgiPlaces*>(owner)->admission;
            admission.leave();
            admission.admit_waiting();
          }};
}

bool UnfitNames::is_new(std::string_view name) {
  if (seen_.size() == kMost || seen_.contains(name)) return false;
  return seen_.emplace(name).second;
}

CgiRun::CgiRun(CgiShared& shared, Exchange& exchange, CgiProgram program)
    : shared_(shared),
      exchange_(exchange),
      id_(exchange.id()),
      program_(std::move(program)),
      applicant_(
          [](void* self, bool admitted) {
            auto* run = static_cast<CgiRun*>(self);
            if (admitted) return run->start();
            run->refuse("no place became free within queue_timeout");
          },
          this),
      patience_([](void* self) { static_cast<CgiRun*>(self)->on_out_of_patience(); }, this),
      total_([](void* self) { static_cast<CgiRun*>(self)->on_out_of_time("timeout_total"); },
             this) {}

CgiRun::~CgiRun() { end_program(); }

void CgiRun::begin() {
  tell_unfit_names();
  // RFC 3875 section 4.1.2: CONTENT_LENGTH must be there, so the end of the body is awaited first,
  // unless the operator knows that the program reads to the end of its input.
  const bool is_chunked = exchange_.request().framing.body == http::Framing::Body::chunked;
  if (!is_chunked || !shared_.settings.buffer_body) return ask_for_place();
  phase_ = Phase::spooling;
  spool_.emplace(spool_directory());
  exchange_.receive_body(*this);
}

void CgiRun::ask_for_place() {
  phase_ = Phase::waiting;
  switch (shared_.places->admission.enter(applicant_, shared_.settings.queue,
                                          shared_.queue_deadlines)) {
    case Admission::Verdict::admitted: return start();
    case Admission::Verdict::waiting: return;
    case Admission::Verdict::refused:
      return refuse("max_running programs run and the queue is full");
  }
}

void CgiRun::refuse(std::string_view reason) {
  phase_ = Phase::over;
  exchange_.fail(503, shared_.overload.is_due(shared_.loop.now()) ? reason : std::string_view{},
                 kRetryAfter);
}

void CgiRun::start() {
  Result<Spawned> spawned = launch();
  if (!spawned) {
    shared_.places->admission.leave();
    return start_failed(spawned.error());
  }
  phase_ = Phase::head;
  process_ = std::move(spawned->process);
  entry_ = shared_.activity.enter(as_program());
  errors_ = std::make_unique<ErrorLines>(shared_.loop, shared_.log, std::move(spawned->errors), id_,
                                         escape_for_log(program_.filename) + ": ");
  output_ = std::move(spawned->output);
  output_watcher_.emplace(
      shared_.loop, output_.get(),
      [](void* self, unsigned) { static_cast<CgiRun*>(self)->on_output_ready(); }, this);
  output_watcher_->watch(ready::kReadable);
  arm(shared_.total_deadlines, total_);
  const bool streams_body = !spool_ && exchange_.request().has_body();
  if (streams_body) input_ = std::move(spawned->input);
  update_deadline();
  if (streams_body) exchange_.receive_body(*this);
}

Program CgiRun::as_program() const {
  const Request& request = exchange_.request();
  return {.request_id = id_,
          .pid = process_.pid(),
          .file = program_.filename,
          .request = fmt::format("{} {}", request.head.method_text, request.head.target),
          .client = request.client.text(),
          .site = exchange_.site()->name,
          .route = exchange_.route().config->path.text};
}

Result<Spawned> CgiRun::launch() {
  TRY_ASSIGN(Command command, make_command());
  if (!exchange_.request().has_body()) command.input = shared_.no_input.get();
  if (!spool_) return spawn(command);
  TRY_ASSIGN(const UniqueFd body, spool_->take());
  command.input = body.get();
  return spawn(command);
}

Result<Command> CgiRun::make_command() const {
  const Request& request = exchange_.request();
  std::optional<std::uint64_t> body_bytes;
  if (request.framing.has_length) body_bytes = request.framing.length;
  if (spool_) body_bytes = spool_->bytes();
  const wire::Variables meta = wire::meta_variables({
      .head = request.head,
      .target = request.target,
      .client = request.client,
      .server = request.server,
      .script_name = program_.script_name,
      .path_info = program_.path_info,
      .script_filename = program_.filename,
      .document_root = shared_.document_root,
      .body_bytes = body_bytes,
      .pass_authorization = shared_.settings.pass_authorization,
      .peer_is_trusted = request.peer_is_trusted,
      .pass_names = shared_.settings.pass_headers,
      .scheme = request.scheme,
      .auth_type = request.auth_type(),
      .remote_user = request.user,
      .tls = request.tls,
      .certificate = request.certificate,
  });
  Command command;
  command.environment = wire::environment(meta, shared_.configured);
  command.directory = program_.directory.get();
  command.identity = shared_.rights.identity ? &*shared_.rights.identity : nullptr;
  command.descriptors = shared_.rights.descriptors;
  command.ignored_signals = shared_.rights.ignored_signals;
  TRY_ASSIGN(command.confinement, shared_.rights.confinement.current());
  command.cgroups = shared_.reaper.cgroups(shared_.log);
  command.program = program_.interpreter.empty() ? program_.filename : program_.interpreter;
  command.arguments = {command.program};
  if (!program_.interpreter.empty()) command.arguments.push_back(program_.filename);
  return command;
}

// Somebody may miss such a field, and the program cannot say why.
void CgiRun::tell_unfit_names() const {
  for (const http::Field& field : exchange_.request().head.fields.all()) {
    if (wire::is_fit_name(field.name)) continue;
    if (wire::is_passed_name(field.name, shared_.settings.pass_headers)) continue;
    if (!shared_.unfit_names.is_new(field.name)) continue;
    shared_.log.info(id_,
                     "the field {} is not passed on: its name is more than letters, digits "
                     "and hyphens",
                     escape_for_log(field.name));
  }
}

void CgiRun::start_failed(const Error& error) {
  const std::string reason = escape_for_log(error.message);
  phase_ = Phase::over;
  switch (error.os_error) {
    case EACCES: return exchange_.fail(403, reason);
    case E2BIG: return exchange_.fail(431, reason);
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case ENOMEM: return exchange_.fail(503, reason, kRetryAfter);
    default: return exchange_.fail(502, reason);
  }
}

std::size_t CgiRun::write(std::string_view bytes) {
  if (phase_ != Phase::spooling) return feed(bytes);
  if (const Result<void> kept = spool_->append(bytes); !kept) {
    phase_ = Phase::over;
    exchange_.fail(503, kept.error().message, kRetryAfter);
  }
  return bytes.size();
}

void CgiRun::finish() {
  if (phase_ == Phase::spooling) return ask_for_place();
  close_input();
  update_deadline();
}

// A program need not read its input (RFC 3875 section 4.2): what it does not want is thrown away.
std::size_t CgiRun::feed(std::string_view bytes) {
  std::size_t taken = 0;
  input_full_ = false;
  while (input_ && taken < bytes.size()) {
    const ssize_t written = ::write(input_.get(), bytes.data() + taken, bytes.size() - taken);
    if (written >= 0) {
      taken += static_cast<std::size_t>(written);
    } else if (errno == EAGAIN) {
      input_full_ = true;
      break;
    } else if (errno != EINTR) {
      close_input();
    }
  }
  if (input_full_) {
    if (!input_watcher_) {
      input_watcher_.emplace(
          shared_.loop, input_.get(),
          [](void* self, unsigned) { static_cast<CgiRun*>(self)->on_input_ready(); }, this);
    }
    input_watcher_->watch(ready::kWritable);
  }
  update_deadline();
  return input_full_ ? taken : bytes.size();
}

void CgiRun::close_input() {
  input_full_ = false;
  input_watcher_.reset();
  input_.reset();
}

void CgiRun::on_input_ready() {
  // The watcher is stopped only when nobody waits any more: it costs less than to do so each time.
  if (!std::exchange(input_full_, false)) return input_watcher_->watch(ready::kNothing);
  update_deadline();
  exchange_.wake();
}

void CgiRun::on_output_ready() {
  if (phase_ == Phase::body) {
    if (!output_awaited_) return output_watcher_->watch(ready::kNothing);
    output_awaited_ = false;
    update_deadline();
    return exchange_.wake();
  }
  const ssize_t got = ::read(output_.get(), shared_.scratch.get(), CgiShared::kReadBytes);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return output_ended_without_head();
  read_head({shared_.scratch.get(), static_cast<std::size_t>(got)});
}

void CgiRun::read_head(std::string_view bytes) {
  switch (parser_.push(bytes)) {
    case wire::CgiHeadParser::Event::need_more: return;
    case wire::CgiHeadParser::Event::head: return answer();
    case wire::CgiHeadParser::Event::fault:
      return give_up(
          502, fmt::format("{}: {}: \"{}\"", escape_for_log(program_.filename), parser_.fault(),
                           escape_for_log(parser_.received().substr(0, kShownBytes))));
  }
}

void CgiRun::answer() {
  const wire::CgiHead& head = parser_.head();
  if (head.kind == wire::CgiResponseKind::local_redirect) return redirect(head.location);
  ResponseHead response(exchange_.arena(), head.status);
  response.reason = head.reason;
  for (const http::ResponseField& field : head.fields) response.add(field.name, field.value);
  left_ = response.content_length = head.content_length;
  response.is_last = is_nph(program_.filename);
  read_ahead_ = parser_.rest();
  phase_ = Phase::body;
  update_deadline();
  if (exchange_.request().head.method == http::Method::head || http::forbids_content(head.status)) {
    let_finish();
  } else if (!response.content_length && output_has_ended() && !was_killed()) {
    response.content_length = read_ahead_.size();
  }
  exchange_.respond(response, this);
}

// RFC 3875 section 6.2.2. What else the program may have to say is not for anybody.
void CgiRun::redirect(std::string_view target) {
  let_finish();
  phase_ = Phase::over;
  if (exchange_.redirect_internally(target)) return;
  exchange_.fail(502,
                 fmt::format("{}: a local redirect that leads nowhere, or the last of too many: {}",
                             escape_for_log(program_.filename),
                             escape_for_log(target.substr(0, kShownBytes))));
}

void CgiRun::output_ended_without_head() {
  // Its end follows in a moment. The log waits for that, the client does not.
  std::string what = fmt::format(
      "{}: {}: its output ended {}", exchange_.subject(), escape_for_log(program_.filename),
      parser_.received().empty() ? "before it began" : "inside its head");
  let_finish([&log = shared_.log, id = id_, what = std::move(what)](const auto& exit) {
    log.error(id, "{}{} (502)", what, end_text(exit));
  });
  give_up(502, {});
}

bool CgiRun::was_killed() const {
  if (!process_.ends_within(kExitWait)) return false;
  const std::optional<Process::Exit> exit = process_.exited();
  return exit && exit->signal != 0;
}

bool CgiRun::output_has_ended() const {
  pollfd output{output_.get(), POLLIN, 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & (POLLIN | POLLHUP)) == POLLHUP;
}

PullResult CgiRun::pull(SendQueue& out, std::size_t budget) {
  if (phase_ != Phase::body) return PullResult::failed;
  const PullResult result =
      read_ahead_.empty() ? pull_from_pipe(out, budget) : pull_read_ahead(out, budget);
  if (result == PullResult::more && left_ == 0) return end_of_output();
  return result;
}

PullResult CgiRun::pull_read_ahead(SendQueue& out, std::size_t budget) {
  const std::string_view piece = read_ahead_.substr(0, budget);
  read_ahead_.remove_prefix(piece.size());
  out.append(piece.substr(0, within_length(piece.size())));
  return PullResult::more;
}

PullResult CgiRun::pull_from_pipe(SendQueue& out, std::size_t budget) {
  if (left_ == 0) return end_of_output();
  const std::size_t room = std::min(budget, CgiShared::kReadBytes);
  const ssize_t got = ::read(output_.get(), out.reserve(room), room);
  if (got > 0) {
    out.commit(within_length(static_cast<std::size_t>(got)));
    return PullResult::more;
  }
  if (got == 0) return end_of_output();
  if (errno == EINTR) return PullResult::more;
  if (errno != EAGAIN) return end_of_output();
  output_awaited_ = true;
  output_watcher_->watch(ready::kReadable);
  update_deadline();
  return PullResult::blocked;
}

// How many of the next octets of output belong to the body, when the program has said its length.
std::size_t CgiRun::within_length(std::size_t bytes) {
  if (!left_) return bytes;
  const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, *left_));
  *left_ -= wanted;
  if (wanted < bytes && !std::exchange(surplus_noted_, true)) {
    shared_.log.warn(id_, "{}: more output than its Content-Length is dropped",
                     escape_for_log(program_.filename));
  }
  return wanted;
}

PullResult CgiRun::end_of_output() {
  // Its end follows the end of its output closely; one that was killed has not said all.
  if (!left_ && process_ && was_killed()) {
    shared_.log.error(id_, "{}: ended by {} within its output", escape_for_log(program_.filename),
                      process_.exited()->text());
    let_finish();
    phase_ = Phase::over;
    return PullResult::failed;
  }
  if (left_.value_or(0) == 0) {
    let_finish();
    return PullResult::end;
  }
  std::string what = fmt::format("{}: its output ended {} bytes before its Content-Length",
                                 escape_for_log(program_.filename), *left_);
  let_finish([&log = shared_.log, id = id_, what = std::move(what)](const auto& exit) {
    log.error(id, "{}{}", what, end_text(exit));
  });
  phase_ = Phase::over;
  return PullResult::failed;
}

// The program's time runs only while it is the program that is waited for, and not the client.
void CgiRun::update_deadline() {
  const bool waits_for_client = input_ && !input_full_;
  const bool is_awaited = phase_ == Phase::head || (phase_ == Phase::body && output_awaited_);
  if (waits_for_client || !is_awaited) return patience_.disarm();
  if (patience_.is_armed()) return;
  arm(phase_ == Phase::head ? shared_.head_deadlines : shared_.idle_deadlines, patience_);
}

void CgiRun::on_out_of_patience() {
  on_out_of_time(phase_ == Phase::head ? "timeout_head" : "timeout_idle");
}

void CgiRun::on_out_of_time(std::string_view which) {
  const bool in_head = phase_ == Phase::head;
  const std::string reason =
      fmt::format("{}: ended after {}", escape_for_log(program_.filename), which);
  if (in_head) return give_up(504, reason);
  end_program();
  phase_ = Phase::over;
  shared_.log.error(id_, "{}", reason);
  exchange_.wake();
}

void CgiRun::give_up(http::Status status, std::string_view reason) {
  end_program();
  phase_ = Phase::over;
  exchange_.fail(status, reason);
}

void CgiRun::let_finish(ProcessReaper::Told told) {
  close_pipes();
  if (!process_) return;
  const Duration patience = shared_.settings.timeout_idle;
  shared_.reaper.await_exit(std::move(process_), std::move(errors_),
                            patience > Duration{0} ? patience : kExitPatience, shared_.bereaved(),
                            std::move(told));
}

void CgiRun::end_program() {
  close_pipes();
  if (process_) {
    shared_.reaper.end(std::move(process_), std::move(errors_), shared_.bereaved());
  }
}

void CgiRun::close_pipes() {
  entry_.leave();
  patience_.disarm();
  total_.disarm();
  close_input();
  output_watcher_.reset();
  output_.reset();
}

}  // namespace uvhttpd
