// SPDX-License-Identifier: MIT
#include "app/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/certificates.h"
#include "app/confinement.h"
#include "app/daemon.h"
#include "app/expectations.h"
#include "app/explain.h"
#include "app/passwd.h"
#include "app/print_diagnostics.h"
#include "app/privileges.h"
#include "app/published_files.h"
#include "config/load.h"

namespace uvhttpd {
namespace {

constexpr int kDone = 0;
constexpr int kMistake = 2;

struct Options {
  std::string file = UVHTTPD_SYSCONFDIR "/uvhttpd/uvhttpd.toml";
  bool effective = false;
  bool json = false;
  std::string directory = ".";
  unsigned port = 8080;
  std::string bind = "127.0.0.1";
  std::vector<std::string> cgi;
  unsigned workers = 0;
  bool listing = false;
  std::string fallback;
  ExplainOptions explain;
  PasswdOptions passwd;
};

// Prints what was found, and gives the configuration if it is valid.
std::shared_ptr<const config::Config> accept(config::Loaded loaded, bool json) {
  std::shared_ptr<const config::Config> config;
  if (loaded.config) config = std::make_shared<const config::Config>(std::move(*loaded.config));
  if (json) {
    fmt::print("{}\n", config::render_json(loaded.diagnostics));
  } else {
    print_diagnostics(loaded.diagnostics);
  }
  return config;
}

int run_with_file(const Options& options) {
  const auto config = accept(config::load_file(options.file), false);
  return config ? run_daemon(config) : kMistake;
}

// What a start by root can read is what `user` can. Where it cannot become that, the start is what
// tells.
std::vector<config::Diagnostic> step_down(const config::Config& config) {
  std::vector<config::Diagnostic> found = missing_directories(config);
  const auto account = account_of(config.server);
  if (!account) {
    // There may be on the machine that this is for.
    config::Diagnostic& warning = found.emplace_back();
    warning.severity = config::Diagnostic::Severity::warning;
    warning.file = config.file;
    warning.message = account.error().message + ": a start fails here";
    return found;
  }
  if (::geteuid() != 0) return found;
  (void)become(*account);
  for (config::Diagnostic& warning : closed_roots(config)) found.push_back(std::move(warning));
  return found;
}

// What the file alone does not show: its sandbox on this machine, its certificates, what its
// handlers need, the tests in it.
std::vector<config::Diagnostic> try_out(std::shared_ptr<const config::Config> config) {
  std::vector<config::Diagnostic> found = step_down(*config);
  for (config::Diagnostic& fault : check_certificates(*config)) found.push_back(std::move(fault));
  for (config::Diagnostic& fault : empty_password_files(*config)) found.push_back(std::move(fault));
  for (config::Diagnostic& fault : published_files(*config)) found.push_back(std::move(fault));
  if (const Result<void> possible = check_sandbox(*config); !possible) {
    config::Diagnostic& fault = found.emplace_back(config->server.sandbox_place);
    fault.message = possible.error().message;
  }
  if (auto obstacle = find_obstacle(config)) {
    found.push_back(*std::move(obstacle));
    return found;
  }
  for (config::Diagnostic& failure : run_expectations(config)) found.push_back(std::move(failure));
  return found;
}

// Where only files are missing, or not what they should be: what is wrong with the certificates
// that are there.
std::vector<config::Diagnostic> check_other_certificates(const std::string& file) {
  const config::Loaded loaded = config::load_file(file, false);
  if (!loaded.config) return {};
  std::vector<config::Diagnostic> found = check_certificates(*loaded.config);
  std::erase_if(found, [](const config::Diagnostic& fault) {
    std::error_code error;
    return !std::filesystem::is_regular_file(fault.file, error) ||
           ::access(fault.file.c_str(), R_OK) != 0;
  });
  return found;
}

int check(const Options& options) {
  config::Loaded loaded = config::load_file(options.file);
  if (loaded.config) {
    const auto tried = std::make_shared<const config::Config>(*loaded.config);
    for (config::Diagnostic& fault : try_out(tried)) {
      if (fault.severity == config::Diagnostic::Severity::error) loaded.config.reset();
      loaded.diagnostics.push_back(std::move(fault));
    }
  } else {
    for (config::Diagnostic& fault : check_other_certificates(options.file)) {
      loaded.diagnostics.push_back(std::move(fault));
    }
  }
  const auto config = accept(std::move(loaded), options.json);
  if (!config) return kMistake;
  // Standard output is the configuration's, or the diagnostics', where they are asked for.
  std::FILE* const out = options.effective || options.json ? stderr : stdout;
  for (const std::string& line : describe(*config)) fmt::print(out, "{}\n", line);
  if (options.effective) {
    fmt::print("{}", config::to_toml(*config));
  } else if (!options.json) {
    fmt::print(stderr, "uvhttpd: {} is valid\n", options.file);
  }
  return kDone;
}

int explain_with_file(const Options& options) {
  config::Loaded loaded = config::load_file(options.file);
  // Where there is an answer, the output is the answer.
  const bool faults_as_json = options.explain.json && !loaded.config;
  const auto config = accept(std::move(loaded), faults_as_json);
  return config ? explain(config, options.explain) : kMistake;
}

// A TOML basic string.
std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// The configuration that `serve` stands for, so that both ways share their checks and defaults.
std::string serve_config(const Options& options) {
  const bool is_ipv6 = options.bind.find(':') != std::string::npos;
  std::string text = "[server]\n";
  if (options.workers != 0) text += fmt::format("workers = {}\n", options.workers);
  text += fmt::format("[[listener]]\naddress = {}\n",
                      toml_string(fmt::format(fmt::runtime(is_ipv6 ? "[{}]:{}" : "{}:{}"),
                                              options.bind, options.port)));
  const std::string root =
      toml_string(std::filesystem::absolute(options.directory).lexically_normal().string());
  text += fmt::format("[[site]]\nroot = {}\n", root);
  if (options.listing) text += "listing = true\n";
  if (!options.fallback.empty()) {
    const bool is_rooted = options.fallback.starts_with('/');
    text += fmt::format("fallback = {}\n", toml_string((is_rooted ? "" : "/") + options.fallback));
  }
  for (const std::string& pattern : options.cgi) {
    // The pattern's programs lie where its path does, below the served directory.
    text += fmt::format("[[site.route]]\npath = {}\nhandler = \"cgi\"\n", toml_string(pattern));
    if (pattern.ends_with("/*")) {
      const std::string below = pattern.substr(0, pattern.size() - 2);
      text += fmt::format(
          "root = {}\n",
          toml_string(
              std::filesystem::absolute(options.directory + below).lexically_normal().string()));
    }
  }
  return text;
}

int serve(const Options& options) {
  std::error_code error;
  if (!std::filesystem::is_directory(options.directory, error)) {
    fmt::print(stderr, "uvhttpd: {}: {}\n", options.directory,
               error ? error.message() : std::string("not a directory"));
    return kMistake;
  }
  const std::string name = (std::filesystem::current_path(error) / "command line").string();
  config::Loaded loaded = config::load_text(serve_config(options), name);
  // The text is ours, so its lines would mean nothing to anybody.
  for (const config::Diagnostic& each : loaded.diagnostics) {
    fmt::print(stderr, "uvhttpd: {}\n", each.message);
  }
  if (!loaded.config) return kMistake;
  loaded.config->file.clear();
  return run_daemon(std::make_shared<const config::Config>(std::move(*loaded.config)));
}

}  // namespace

int run_command_line(int argc, char** argv) {
  Options options;
  CLI::App app{"uvhttpd: an event-driven HTTP/1.1 server", "uvhttpd"};
  app.set_version_flag("--version", "uvhttpd " UVHTTPD_VERSION);
  app.add_option("-c,--config", options.file, "configuration file")
      ->option_text("FILE (" + options.file + ")");
  bool check_flag = false;
  app.add_flag("-t", check_flag, "the same as the command check");
  app.require_subcommand(0, 1);

  CLI::App* serve_command =
      app.add_subcommand("serve", "serve a directory; no configuration file is needed");
  serve_command->add_option("DIR", options.directory, "the directory")->option_text("(.)");
  serve_command->add_option("-p,--port", options.port, "port; 0 picks a free one")
      ->check(CLI::Range(0, 65535))
      ->option_text("PORT (8080)");
  serve_command->add_option("-b,--bind", options.bind, "address; 0.0.0.0 or :: to share")
      ->option_text("ADDRESS (127.0.0.1)");
  serve_command->add_flag("--listing", options.listing, "show directories that have no index");
  serve_command
      ->add_option("--fallback", options.fallback,
                   "answer unknown paths with this file of the directory, e.g. index.html")
      ->option_text("FILE");
  // One pattern each time: what follows is the directory.
  serve_command->add_option("--cgi", options.cgi, "run matching executables, e.g. '/cgi-bin/*'")
      ->allow_extra_args(false)
      ->option_text("PATTERN");
  serve_command->add_option("--workers", options.workers, "event loops; default: one for each CPU")
      ->check(CLI::Range(1, 1024))
      ->option_text("N");

  CLI::App* check_command = app.add_subcommand("check", "read and validate the configuration");
  check_command->add_option("-c,--config", options.file, "configuration file")->option_text("FILE");
  check_command->add_flag("--effective", options.effective, "print the configuration in force");
  check_command->add_flag("--json", options.json, "print the diagnostics as JSON");

  CLI::App* explain_command =
      app.add_subcommand("explain", "say what would answer a request, with what, and why");
  explain_command->add_option("-c,--config", options.file, "configuration file")
      ->option_text("FILE");
  explain_command
      ->add_option("REQUEST", options.explain.request,
                   "what is asked for; GET unless a method is named")
      ->required()
      ->expected(1, 2)
      ->option_text("[METHOD] URL");
  explain_command
      ->add_option("-H,--header", options.explain.fields, "a field of the request; may be repeated")
      ->allow_extra_args(false)
      ->option_text("'Name: value'");
  explain_command
      ->add_option("--client", options.explain.client, "who asks; 127.0.0.1 if not given")
      ->option_text("ADDRESS");
  explain_command->add_flag("--json", options.explain.json, "print the answer as JSON");

  CLI::App* passwd_command =
      app.add_subcommand("passwd", "print a line for the file that `users` of `auth` names");
  passwd_command
      ->add_option("USER", options.passwd.user,
                   "whose password is asked for, or read from standard input")
      ->required()
      ->option_text(" ");
  passwd_command
      ->add_option("--method", options.passwd.method, "how to hash it: yescrypt, bcrypt or sha512")
      ->check(CLI::IsMember(password_methods()).description(""))
      ->option_text("METHOD (yescrypt)");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& shown) {
    return app.exit(shown);  // --help, --version
  } catch (const CLI::ParseError& mistake) {
    fmt::print(stderr, "uvhttpd: {}\nTry 'uvhttpd --help'.\n", mistake.what());
    return kMistake;
  }
  if (check_command->parsed() || check_flag) return check(options);
  if (explain_command->parsed()) return explain_with_file(options);
  if (serve_command->parsed()) return serve(options);
  if (passwd_command->parsed()) return passwd(options.passwd);
  return run_with_file(options);
}

}  // namespace uvhttpd
