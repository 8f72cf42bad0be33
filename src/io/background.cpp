// SPDX-License-Identifier: MIT
#include "io/background.h"

#include <utility>

#include "base/assert.h"

namespace uvhttpd {

struct BackgroundTask::Job {
  uv_work_t request;
  std::function<void()> work;
  EventLoop* loop;
  BackgroundTask* task;  // absent once its owner has gone
};

BackgroundTask::BackgroundTask(EventLoop& loop, Callback done, void* owner)
    : loop_(loop), done_(done), owner_(owner) {}

BackgroundTask::~BackgroundTask() {
  if (job_ == nullptr) return;
  job_->task = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&job_->request));
}

void BackgroundTask::start(std::function<void()> work) {
  ASSERT(job_ == nullptr);
  job_ = new Job{{}, std::move(work), &loop_, this};
  job_->request.data = job_;
  loop_.work_began();
  const int failure = uv_queue_work(
      loop_.raw(), &job_->request,
      [](uv_work_t* request) { static_cast<Job*>(request->data)->work(); },
      [](uv_work_t* request, int) {
        Job* job = static_cast<Job*>(request->data);
        BackgroundTask* task = job->task;
        job->loop->work_ended();
        delete job;
        if (task == nullptr) return;
        task->job_ = nullptr;
        task->done_(task->owner_);
      });
  ASSERT(failure == 0);
}

}  // namespace uvhttpd
