//! Alarms as actor reminders: one-shot, named by their moment, kept by the scheduler until they were answered.

use dapr::dapr::proto::{
    common::v1::{JobFailurePolicy, JobFailurePolicyConstant, job_failure_policy::Policy},
    runtime::v1::{Job, RegisterActorReminderRequest, ScheduleJobRequest},
};

use tonic::Code;

use super::{ARM_MS, Dapr, actor_id, within};
use crate::{
    host::Unavailable,
    message::{key::Key, time::Timestamp},
};

/// Between a wake that failed and its return, in seconds. The default policy would drop the reminder after four failures.
const RETURN_SECONDS: i64 = 30;

/// The name of the reminder that stands for a moment: the callback does not say which instant it was for.
fn name(moment: Timestamp) -> String {
    moment.0.to_string()
}

/// The moment that a reminder's name says.
pub(super) fn moment(name: &str) -> Option<Timestamp> {
    name.parse().ok().map(Timestamp)
}

impl Dapr {
    /// Registers the alarm of a moment; a moment that has passed rings at once.
    pub(super) async fn register(&self, key: &Key, moment: Timestamp) -> Result<(), Unavailable> {
        let constant = JobFailurePolicyConstant {
            interval: Some(prost_types::Duration { seconds: RETURN_SECONDS, nanos: 0 }),
            max_retries: None,
        };
        let request = RegisterActorReminderRequest {
            actor_type: key.kind.to_string(),
            actor_id: actor_id(key),
            name: name(moment),
            due_time: moment.to_string(),
            period: String::new(),
            data: Vec::new(),
            ttl: String::new(),
            overwrite: Some(true),
            failure_policy: Some(JobFailurePolicy { policy: Some(Policy::Constant(constant)) }),
        };
        let mut client = self.client.clone();
        within(ARM_MS, client.register_actor_reminder(request)).await.map(|_| ())
    }

    /// Registers a recurring job where there is none of that name.
    pub(super) async fn schedule_job(&self, name: &str, schedule: &str) -> Result<(), Unavailable> {
        let (name, schedule) = (name.to_owned(), Some(schedule.to_owned()));
        let job = Job { name, schedule, ..Job::default() };
        let request = ScheduleJobRequest { job: Some(job), overwrite: false };
        let mut client = self.client.clone();
        let register = async {
            match client.schedule_job(request).await {
                Err(status) if status.code() == Code::AlreadyExists => Ok(()),
                registered => registered.map(|_| ()),
            }
        };
        within(ARM_MS, register).await
    }
}
