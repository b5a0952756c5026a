//! Whether the channels of new reminders lead anywhere: judged where a command comes in, whoever brings it.

use actors::{
    Failure,
    message::{
        fault::{Code, Fault},
        rejection::{Rejection, Slug},
        reminder::Channel,
        task::command::{Change, Command, Operation, Patch, ReminderDraft},
    },
};

use super::{Notify, address::Refused};

impl Notify {
    /// Refuses a command that sets a reminder which could not be delivered.
    pub(crate) fn judge(&self, command: &Command) -> Result<(), Failure> {
        let no = match command {
            Command::One { operation } => self.operation(operation, ""),
            Command::Batch { operations, .. } => {
                let mut each = operations.iter().enumerate();
                each.try_for_each(|(at, it)| self.operation(it, &format!("/operations/{at}/body")))
            }
            Command::CreateSeries { draft } => self.patch(&draft.task, "/task"),
            Command::EditSeries { patch, .. } => self.patch(&patch.task, "/task"),
            Command::SetReminder { draft, .. } => self.draft(draft, ""),
            Command::ChangeReminder { channels, .. } => {
                self.channels(channels.as_deref().unwrap_or_default(), "")
            }
            _ => Ok(()),
        };
        no.map_err(|no| Failure::Rejected(Box::new(no)))
    }

    fn operation(&self, operation: &Operation, under: &str) -> Result<(), Rejection> {
        match operation {
            Operation::Create { draft: patch } | Operation::Edit { patch, .. } => {
                self.patch(patch, under)
            }
            _ => Ok(()),
        }
    }

    fn patch(&self, patch: &Patch, under: &str) -> Result<(), Rejection> {
        let Change::Set(drafts) = &patch.reminders else { return Ok(()) };
        // One that the task has already is kept as it is.
        let mut new = drafts.iter().enumerate().filter(|(_, draft)| draft.id.is_none());
        new.try_for_each(|(at, draft)| self.draft(draft, &format!("{under}/reminders/{at}")))
    }

    fn draft(&self, draft: &ReminderDraft, under: &str) -> Result<(), Rejection> {
        if let Some(url) = &draft.webhook_url {
            let at = format!("{under}/webhook_url");
            match self.guard().judge(url) {
                Ok(_) => {}
                Err(Refused::Forbidden(why)) => return Err(no(Slug::ForbiddenAddress, at, why)),
                Err(Refused::Unreadable) => {
                    let why = "This must be a URL such as https://example.org/hook.";
                    return Err(no(Slug::Invalid, at, why));
                }
            }
        }
        self.channels(draft.channels.as_deref().unwrap_or_default(), under)
    }

    fn channels(&self, channels: &[Channel], under: &str) -> Result<(), Rejection> {
        if !channels.contains(&Channel::Email) || self.has_mail() {
            return Ok(());
        }
        let why = "E-mail is not configured here (TICKLER_SMTP_URL); use in_app or webhook.";
        Err(no(Slug::ChannelUnavailable, format!("{under}/channels"), why))
    }
}

fn no(slug: Slug, pointer: String, why: &str) -> Rejection {
    Rejection::with(slug, why, vec![Fault::new(pointer, Code::Invalid, why)])
}
