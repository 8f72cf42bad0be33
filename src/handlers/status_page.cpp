// SPDX-License-Identifier: MIT
#include "handlers/status_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "handlers/page_text.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kMostRows = 500;      // of a table; programs and routes may be many
constexpr std::size_t kShownRequest = 200;  // octets of a request line on the page
constexpr std::string_view kRefresh = "5";  // seconds

constexpr std::string_view kStyle =
    R"(h1{margin:0;padding:0 .5rem;font-size:1.25rem}
p{margin:.5rem 0;padding:0 .5rem;color:var(--dim)}
a{color:var(--link);text-decoration:none}
a:hover{text-decoration:underline}
a:focus-visible,div:focus-visible{outline:2px solid;outline-offset:2px;border-radius:2px}
p a{display:inline-block;padding:.25rem 0;margin-right:1rem}
div{overflow-x:auto;margin:1.5rem 0}
table{width:100%;border-collapse:collapse}
caption{padding:.25rem .5rem;text-align:left;font-weight:600}
th,td{padding:.4rem .5rem;border-bottom:1px solid var(--line);text-align:right;
vertical-align:baseline;font-variant-numeric:tabular-nums}
thead th{font-size:.875rem;white-space:nowrap;color:var(--dim)}
tbody th{font-weight:400}
th:first-child{width:100%;min-width:3.5rem;text-align:left;overflow-wrap:anywhere}
td{white-space:nowrap}
td:only-child{text-align:left}
small{display:block;min-width:7rem;color:var(--dim);overflow-wrap:anywhere}
b{color:#b3261e}
tbody tr:hover{background:var(--row)}
@media(prefers-color-scheme:dark){b{color:#ff9b93}}
@media(max-width:32rem){
body{padding:1rem .5rem}
caption,h1,p,th,td{padding-left:.25rem;padding-right:.25rem}
th,td{font-size:.875rem}
b{white-space:normal}
thead th,small{font-size:.8125rem}}
</style>
)";

// --- the page ---

// Workers may see an upstream differently: "up", or "up in 1, down in 2".
std::string state_text(const ServerStatus::Upstream& upstream) {
  constexpr std::string_view kNames[] = {"resolving", "up", "down"};
  const auto kinds = std::count_if(upstream.workers.begin(), upstream.workers.end(),
                                   [](std::uint64_t count) { return count > 0; });
  std::string text;
  for (std::size_t i = 0; i < upstream.workers.size(); ++i) {
    if (upstream.workers[i] == 0) continue;
    if (kinds == 1) return std::string(kNames[i]);
    if (!text.empty()) text += ", ";
    text += fmt::format("{} in {}", kNames[i], upstream.workers[i]);
  }
  return text.empty() ? "unknown" : text;
}

// "12 s", "3 min 5 s", "2 h 7 min", "4 d 3 h".
std::string human_age(Duration age) {
  const std::int64_t seconds = std::max<std::int64_t>(age.count(), 0) / 1000;
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

void append_time(std::string& out, std::int64_t seconds) {
  const TimeText time = format_time(seconds);
  const std::string_view text(time.data(), time.size());
  out.append("<time datetime=\"").append(text).append("\">").append(text.substr(0, 10));
  out.append(" ").append(text.substr(11, 8)).append(" UTC</time>");
}

void append_heading(std::string& out, const ServerStatus& status, bool refreshes) {
  out.append("<h1>Server status</h1>\n<p>uvhttpd " UVHTTPD_VERSION ", process ");
  fmt::format_to(std::back_inserter(out), "{}, {} {}, up {} since ", status.pid,
                 status.workers.size(), status.workers.size() == 1 ? "worker" : "workers",
                 human_age(status.life.age));
  append_time(out, status.life.started_seconds);
  if (status.life.reloads > 0) {
    fmt::format_to(std::back_inserter(out), ", configuration read again {} {}, last ",
                   status.life.reloads, status.life.reloads == 1 ? "time" : "times");
    append_time(out, status.life.reloaded_seconds);
  }
  out.append("</p>\n<p>");
  if (refreshes) {
    out.append("<a href=\"?pause\">Pause</a>");
  } else {
    out.append("<a href=\"?\">Refresh every ").append(kRefresh).append(" seconds</a>");
  }
  out.append("<a href=\"?json\">JSON</a></p>\n");
}

// Opens a table in a frame that scrolls where the screen is too narrow.
void begin_table(std::string& out, std::string_view id, const std::string& caption,
                 std::initializer_list<std::string_view> columns) {
  fmt::format_to(std::back_inserter(out),
                 "<div role=\"region\" tabindex=\"0\" aria-labelledby=\"{}\">\n<table>\n"
                 "<caption id=\"{}\">{}</caption>\n<thead>\n<tr>",
                 id, id, caption);
  for (const std::string_view column : columns) {
    out.append("<th scope=\"col\">").append(column).append("</th>");
  }
  out.append("</tr>\n</thead>\n<tbody>\n");
}

void end_table(std::string& out, std::size_t rows) {
  out.append("</tbody>\n</table>\n");
  if (rows > kMostRows) {
    fmt::format_to(std::back_inserter(out), "<p>Only the first {} of {} are shown.</p>\n",
                   kMostRows, rows);
  }
  out.append("</div>\n");
}

void begin_row(std::string& out, std::string_view name) {
  out.append("<tr><th scope=\"row\">");
  append_text(out, name);
}

void append_place(std::string& out, std::string_view site, std::string_view route) {
  out.append("<small>site ");
  append_text(out, site);
  out.append(", route ");
  append_text(out, route);
  out.append("</small>");
}

void append_cell(std::string& out, std::string_view text) {
  out.append("<td>");
  append_text(out, text);
  out.append("</td>");
}

void append_cell(std::string& out, std::uint64_t number) {
  out.append("<td>");
  append_number(out, number);
  out.append("</td>");
}

void append_programs(std::string& out, const ServerStatus& status) {
  if (status.places.empty() && status.programs.empty()) return;
  begin_table(out, "programs", fmt::format("Running programs: {}", status.programs.size()),
              {"Program", "PID", "Age"});
  if (status.programs.empty()) out.append("<tr><td colspan=\"3\">None runs.</td></tr>\n");
  for (std::size_t i = 0; i < std::min(kMostRows, status.programs.size()); ++i) {
    const auto& [program, age] = status.programs[i];
    begin_row(out, program.file);
    out.append("<small>");
    append_text(out, std::string_view(program.request).substr(0, kShownRequest));
    out.append(program.request.size() > kShownRequest ? "…</small>" : "</small>");
    out.append("<small>client ");
    append_text(out, program.client);
    out.append("</small>");
    append_place(out, program.site, program.route);
    out.append("</th>");
    append_cell(out, static_cast<std::uint64_t>(program.pid));
    append_cell(out, human_age(age));
    out.append("</tr>\n");
  }
  end_table(out, status.programs.size());
}

void append_places(std::string& out, const ServerStatus& status) {
  if (status.places.empty()) return;
  begin_table(out, "places", "Places for programs", {"Route", "Running", "Waiting"});
  for (std::size_t i = 0; i < std::min(kMostRows, status.places.size()); ++i) {
    const ServerStatus::Places& places = status.places[i];
    begin_row(out, places.route);
    out.append("<small>site ");
    append_text(out, places.site);
    out.append("</small></th>");
    append_cell(out, fmt::format("{} of {}", places.running, places.most_running));
    append_cell(out, fmt::format("{} of {}", places.waiting, places.most_waiting));
    out.append("</tr>\n");
  }
  end_table(out, status.places.size());
}

void append_upstreams(std::string& out, const ServerStatus& status) {
  if (status.upstreams.empty()) return;
  begin_table(out, "upstreams", "Upstreams",
              {"Upstream", "State", "Active", "Idle", "Requests", "Failures"});
  for (std::size_t i = 0; i < std::min(kMostRows, status.upstreams.size()); ++i) {
    const ServerStatus::Upstream& upstream = status.upstreams[i];
    begin_row(out, upstream.name.upstream);
    append_place(out, upstream.name.site, upstream.name.route);
    const bool is_down = upstream.workers[static_cast<std::size_t>(UpstreamState::down)] > 0;
    out.append(is_down ? "</th><td><b>" : "</th><td>").append(state_text(upstream));
    out.append(is_down ? "</b></td>" : "</td>");
    append_cell(out, upstream.active);
    append_cell(out, upstream.idle);
    append_cell(out, upstream.requests);
    append_cell(out, upstream.failures);
    out.append("</tr>\n");
  }
  end_table(out, status.upstreams.size());
}

void append_counts(std::string& out, const std::string& name, const ServerStatus::Counts& counts) {
  begin_row(out, name);
  out.append("</th>");
  append_cell(out, counts.open_connections);
  append_cell(out, counts.in_flight);
  append_cell(out, counts.requests);
  out.append("<td>");
  append_human_size(out, counts.sent_bytes);
  out.append("</td></tr>\n");
}

void append_workers(std::string& out, const ServerStatus& status) {
  begin_table(out, "workers", "Workers", {"Worker", "Open", "In flight", "Requests", "Sent"});
  for (std::size_t i = 0; i < std::min(kMostRows, status.workers.size()); ++i) {
    append_counts(out, fmt::format("{}", status.workers[i].number), status.workers[i].counts);
  }
  if (status.workers.size() != 1) append_counts(out, "All", status.total());
  end_table(out, status.workers.size());
}

void append_answers(std::string& out, const ServerStatus::Counts& total) {
  begin_table(out, "answers", "Since the start", {"What", "Number"});
  const auto row = [&](std::string_view name, std::uint64_t number) {
    begin_row(out, name);
    out.append("</th>");
    append_cell(out, number);
    out.append("</tr>\n");
  };
  row("Connections accepted", total.accepted);
  for (std::size_t i = 0; i < total.answers.size(); ++i) {
    if (i > 0 || total.answers[i] > 0) row(fmt::format("Answers {}xx", i + 1), total.answers[i]);
  }
  row("Requests whose client went before an answer", total.unanswered);
  end_table(out, 0);
}

// --- JSON ---

// Members and elements are put on with their separator.
class Json {
 public:
  void open(std::string_view name, char bracket) {
    begin(name);
    out_.push_back(bracket);
    is_first_ = true;
  }
  void close(char bracket) {
    out_.push_back(bracket);
    is_first_ = false;
  }
  void text(std::string_view name, std::string_view value) {
    begin(name);
    out_.append("\"").append(escape_for_json(value)).append("\"");
  }
  void number(std::string_view name, std::uint64_t value) {
    begin(name);
    append_number(out_, value);
  }
  void seconds(std::string_view name, Duration value) {
    begin(name);
    const std::int64_t ms = std::max<std::int64_t>(value.count(), 0);
    fmt::format_to(std::back_inserter(out_), "{}.{:03}", ms / 1000, ms % 1000);
  }
  // Null for 0.
  void time(std::string_view name, std::int64_t value) {
    if (value != 0) {
      const TimeText time = format_time(value);
      return text(name, {time.data(), time.size()});
    }
    begin(name);
    out_.append("null");
  }
  std::string take() { return std::move(out_); }

 private:
  void begin(std::string_view name) {
    if (!is_first_) out_.append(",");
    if (!out_.empty()) out_.append("\n");
    is_first_ = false;
    if (!name.empty()) out_.append("\"").append(name).append("\":");
  }
  std::string out_;
  bool is_first_ = true;
};

void write_counts(Json& json, const ServerStatus::Counts& counts) {
  json.number("connections_open", counts.open_connections);
  json.number("connections_accepted", counts.accepted);
  json.number("requests_in_flight", counts.in_flight);
  json.number("requests", counts.requests);
  json.open("answers", '{');
  for (std::size_t i = 0; i < counts.answers.size(); ++i) {
    json.number(fmt::format("{}xx", i + 1), counts.answers[i]);
  }
  json.close('}');
  json.number("unanswered", counts.unanswered);
  json.number("sent_bytes", counts.sent_bytes);
}

void write_programs(Json& json, const ServerStatus& status) {
  json.open("places", '[');
  for (const ServerStatus::Places& places : status.places) {
    json.open("", '{');
    json.text("site", places.site);
    json.text("route", places.route);
    json.number("running", places.running);
    json.number("max_running", places.most_running);
    json.number("waiting", places.waiting);
    json.number("queue", places.most_waiting);
    json.close('}');
  }
  json.close(']');
  json.open("programs", '[');
  for (const auto& [program, age] : status.programs) {
    json.open("", '{');
    json.number("pid", static_cast<std::uint64_t>(program.pid));
    json.seconds("age_seconds", age);
    json.text("file", program.file);
    json.text("request", program.request);
    json.text("request_id", program.request_id);
    json.text("client", program.client);
    json.text("site", program.site);
    json.text("route", program.route);
    json.close('}');
  }
  json.close(']');
}

void write_upstreams(Json& json, const ServerStatus& status) {
  json.open("upstreams", '[');
  for (const ServerStatus::Upstream& upstream : status.upstreams) {
    json.open("", '{');
    json.text("site", upstream.name.site);
    json.text("route", upstream.name.route);
    json.text("upstream", upstream.name.upstream);
    json.number("workers_resolving", upstream.workers[0]);
    json.number("workers_up", upstream.workers[1]);
    json.number("workers_down", upstream.workers[2]);
    json.number("active", upstream.active);
    json.number("idle", upstream.idle);
    json.number("requests", upstream.requests);
    json.number("failures", upstream.failures);
    json.close('}');
  }
  json.close(']');
}

}  // namespace

std::string render_status_html(const ServerStatus& status, bool refreshes) {
  std::string out(kPageHead);
  out.append(kStyle).append("<title>Server status</title>\n");
  if (refreshes) {
    out.append("<meta http-equiv=\"refresh\" content=\"").append(kRefresh).append("\">\n");
  }
  out.append("<main>\n");
  append_heading(out, status, refreshes);
  append_programs(out, status);
  append_places(out, status);
  append_upstreams(out, status);
  append_workers(out, status);
  append_answers(out, status.total());
  out.append("</main>\n</html>\n");
  return out;
}

std::string render_status_json(const ServerStatus& status) {
  Json json;
  json.open("", '{');
  json.text("version", UVHTTPD_VERSION);
  json.number("pid", static_cast<std::uint64_t>(status.pid));
  json.time("started", status.life.started_seconds);
  json.seconds("uptime_seconds", status.life.age);
  json.number("reloads", status.life.reloads);
  json.time("reloaded", status.life.reloaded_seconds);
  json.open("total", '{');
  write_counts(json, status.total());
  json.close('}');
  json.open("workers", '[');
  for (const ServerStatus::Worker& worker : status.workers) {
    json.open("", '{');
    json.number("worker", worker.number);
    write_counts(json, worker.counts);
    json.close('}');
  }
  json.close(']');
  write_programs(json, status);
  write_upstreams(json, status);
  json.close('}');
  return json.take() + "\n";
}

}  // namespace uvhttpd
