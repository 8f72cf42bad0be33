// SPDX-License-Identifier: MIT
#include "handlers/coded_source.h"

#include <algorithm>
#include <utility>

namespace uvhttpd {

CodedSource::CodedSource(Exchange& exchange, std::shared_ptr<const StableFile> file,
                         http::ContentEncoder encoder)
    : exchange_(exchange),
      work_(std::make_shared<Work>(Work{std::move(file), std::move(encoder)})),
      task_(
          exchange.loop(), [](void* self) { static_cast<CodedSource*>(self)->exchange_.wake(); },
          this) {}

PullResult CodedSource::pull(SendQueue& out, std::size_t) {
  if (task_.is_running()) return PullResult::blocked;
  if (work_->error) {
    exchange_.log().warn(exchange_.id(), "compressing a file: {}", work_->error->message);
    return PullResult::failed;
  }
  if (!work_->output.empty()) {
    auto bytes = std::make_shared<const std::string>(std::exchange(work_->output, {}));
    out.append_borrowed(*bytes, bytes);
    return work_->is_over ? PullResult::end : PullResult::more;
  }
  if (work_->is_over) return PullResult::end;
  task_.start([work = work_] { work->run(); });
  return PullResult::blocked;
}

// Goes on until there is something to send: a coder takes in much before it gives the first.
void CodedSource::Work::run() {
  while (output.empty() && !is_over && !error) {
    if (Result<void> coded = code_piece(); !coded) error = std::move(coded).error();
  }
}

Result<void> CodedSource::Work::code_piece() {
  const std::uint64_t size = file->info().size;
  piece.resize(static_cast<std::size_t>(std::min(size - offset, kPieceBytes)));
  TRY(file->read(offset, piece));
  offset += piece.size();
  TRY(encoder.write(piece, output));
  if (offset < size) return {};
  if (!file->is_unchanged()) return Unexpected(Error{"it was written to while it was sent", 0});
  is_over = true;
  return encoder.finish(output);
}

}  // namespace uvhttpd
