// SPDX-License-Identifier: MIT
// handlers/cgi_run.h: one CGI program at work for one exchange, from its admission to the end of
// its output.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "config/config.h"
#include "handlers/admission.h"
#include "handlers/cgi_confinement.h"
#include "handlers/cgi_program.h"
#include "handlers/overload.h"
#include "handlers/spool.h"
#include "handlers/wire/cgi_env.h"
#include "handlers/wire/cgi_head.h"
#include "io/deadline_list.h"
#include "io/process.h"
#include "server/activity.h"
#include "server/exchange.h"

namespace uvhttpd {

// Who waits on one loop for the programs of a route, and how many run. A program holds its place
// until it is gone, which may be after the handler.
struct CgiPlaces {
  CgiPlaces(EventLoop& loop, std::shared_ptr<ProgramPlaces> places);
  DeadlineClock clock;
  Admission admission;
};

// Those of one loop: a reload must not begin a second queue for the same places.
class CgiPlacesOfLoop {
 public:
  explicit CgiPlacesOfLoop(EventLoop& loop) : loop_(loop) {}
  // The same for the same places, as long as somebody holds it.
  std::shared_ptr<CgiPlaces> get(const std::shared_ptr<ProgramPlaces>& places);

 private:
  EventLoop& loop_;
  std::map<const ProgramPlaces*, std::weak_ptr<CgiPlaces>> known_;  // which hold their places
};

// As what programs run.
struct CgiRights {
  std::optional<Identity> identity;         // absent: the server's
  std::uint64_t descriptors = 0;            // soft limit; 0: the server's
  SignalSet ignored_signals = kAllSignals;  // as Command has it
  CgiConfinement confinement = {};
};

// Names of fields that no variable can stand for, each told once to the log of this loop.
class UnfitNames {
 public:
  static constexpr std::size_t kMost = 64;  // clients choose them; beyond, none is told
  // True the first time.
  bool is_new(std::string_view name);

 private:
  std::set<std::string, std::less<>> seen_;
};

// What the runs of one handler share. Outlives them.
class CgiShared {
 public:
  CgiShared(EventLoop& loop, Log& log, Activity& activity, const config::CgiHandler& handler,
            const std::shared_ptr<ProgramPlaces>& program_places, std::string document_root,
            CgiRights rights);

  static constexpr std::size_t kReadBytes = 64 * 1024;  // of output at a time: what a pipe holds

  EventLoop& loop;
  Log& log;
  Activity& activity;
  const config::CgiHandler& settings;
  const std::string document_root;
  const wire::Variables configured;  // `pass_env` and `env`
  CgiRights rights;
  const UniqueFd no_input;  // for a program whose request has no body
  const std::unique_ptr<char[]> scratch;
  const std::shared_ptr<CgiPlaces> places;
  DeadlineList queue_deadlines;
  DeadlineList head_deadlines;
  DeadlineList idle_deadlines;
  DeadlineList total_deadlines;
  ProcessReaper& reaper;    // the loop's
  UnfitNames& unfit_names;  // likewise

  // Of a program that has a place.
  ProcessReaper::Bereaved bereaved() const;
  OverloadNotice overload;
};

// Lives as long as its exchange. Destroyed before the output has ended, it ends the program.
class CgiRun final : public BodySink, public BodySource {
 public:
  CgiRun(CgiShared& shared, Exchange& exchange, CgiProgram program);
  CgiRun(const CgiRun&) = delete;
  CgiRun& operator=(const CgiRun&) = delete;
  ~CgiRun() override;

  // Once, from Handler::handle.
  void begin();

  std::size_t write(std::string_view bytes) override;
  void finish() override;
  PullResult pull(SendQueue& out, std::size_t budget) override;

 private:
  // `over`: an error answer has been given, or the body has been broken off.
  enum class Phase { spooling, waiting, head, body, over };

  void ask_for_place();
  void start();
  void start_failed(const Error& error);
  Result<Spawned> launch();
  Result<Command> make_command() const;
  Program as_program() const;
  void tell_unfit_names() const;
  void refuse(std::string_view reason);

  std::size_t feed(std::string_view bytes);
  void close_input();

  void on_input_ready();
  void on_output_ready();
  void read_head(std::string_view bytes);
  void answer();
  void redirect(std::string_view target);
  void output_ended_without_head();
  bool output_has_ended() const;
  bool was_killed() const;
  PullResult pull_read_ahead(SendQueue& out, std::size_t budget);
  PullResult pull_from_pipe(SendQueue& out, std::size_t budget);
  std::size_t within_length(std::size_t bytes);
  PullResult end_of_output();

  void update_deadline();
  void on_out_of_patience();
  void on_out_of_time(std::string_view which);
  void give_up(http::Status status, std::string_view reason);
  // Lets go of the program: it finishes by itself, or is ended.
  void let_finish(ProcessReaper::Told told = {});
  void end_program();
  void close_pipes();

  CgiShared& shared_;
  Exchange& exchange_;
  const std::string id_;
  CgiProgram program_;
  Phase phase_ = Phase::waiting;
  Admission::Applicant applicant_;
  std::optional<Spool> spool_;
  wire::CgiHeadParser parser_;
  std::string_view read_ahead_;        // of parser_: output that came with the head
  std::optional<std::uint64_t> left_;  // of the Content-Length that the program has promised
  bool surplus_noted_ = false;
  bool input_full_ = false;      // the exchange waits for room in the pipe
  bool output_awaited_ = false;  // the exchange waits for more of the body
  DeadlineNode patience_;        // for the head, then for the next piece of output
  DeadlineNode total_;
  Process process_;
  Activity::Entry entry_;  // while the program is this run's
  std::unique_ptr<ErrorLines> errors_;
  UniqueFd input_;
  UniqueFd output_;
  std::optional<FdWatcher> input_watcher_;  // exists once the pipe has been full
  std::optional<FdWatcher> output_watcher_;
};

}  // namespace uvhttpd
