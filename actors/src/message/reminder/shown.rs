//! Reminders and inbox entries exactly as the interface writes them: field order, nulls, moments as text.

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Delivery, Notification, Reminder};
use crate::message::{key::UserId, time::Timestamp};

/// A reminder of a user, as CONTRACT §7 shows it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The reminder.
    pub reminder: &'a Reminder,
    /// Whose it is.
    pub user: &'a UserId,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let it = self.reminder;
        let mut fields = serializer.serialize_struct("Reminder", 17)?;
        fields.serialize_field("id", &it.id)?;
        fields.serialize_field("user_id", self.user)?;
        fields.serialize_field("task_id", &it.task_id)?;
        fields.serialize_field("task_title", &it.task_title)?;
        fields.serialize_field("lead_time", &it.lead_time)?;
        fields.serialize_field("remind_at", &Text(it.remind_at))?;
        fields.serialize_field("status", &it.status)?;
        fields.serialize_field("channels", &it.channels)?;
        fields.serialize_field("webhook_url", &it.webhook_url)?;
        fields.serialize_field("email_address", &it.email_address)?;
        fields.serialize_field("snoozed_until", &it.snoozed_until.map(Text))?;
        fields.serialize_field("late", &it.late)?;
        fields.serialize_field("triggered_at", &it.triggered_at.map(Text))?;
        fields.serialize_field("acknowledged_at", &it.acknowledged_at.map(Text))?;
        fields.serialize_field("version", &it.version)?;
        fields.serialize_field("created_at", &Text(it.created_at))?;
        fields.serialize_field("updated_at", &Text(it.updated_at))?;
        fields.end()
    }
}

/// An inbox entry, as CONTRACT §7 shows it.
#[derive(Clone, Copy, Debug)]
pub struct ShownNotification<'a>(pub &'a Notification);

impl Serialize for ShownNotification<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let it = self.0;
        let deliveries: Vec<_> = it.deliveries.iter().map(ShownDelivery).collect();
        let mut fields = serializer.serialize_struct("Notification", 10)?;
        fields.serialize_field("id", &it.id)?;
        fields.serialize_field("kind", &it.kind)?;
        fields.serialize_field("reminder_id", &it.reminder_id)?;
        fields.serialize_field("task_id", &it.task_id)?;
        fields.serialize_field("title", &it.title)?;
        fields.serialize_field("message", &it.message)?;
        fields.serialize_field("late", &it.late)?;
        fields.serialize_field("created_at", &Text(it.created_at))?;
        fields.serialize_field("read_at", &it.read_at.map(Text))?;
        fields.serialize_field("deliveries", &deliveries)?;
        fields.end()
    }
}

/// How one channel fared.
struct ShownDelivery<'a>(&'a Delivery);

impl Serialize for ShownDelivery<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Delivery", 5)?;
        fields.serialize_field("channel", &self.0.channel)?;
        fields.serialize_field("status", &self.0.status)?;
        fields.serialize_field("attempts", &self.0.attempts)?;
        fields.serialize_field("error", &self.0.error)?;
        fields.serialize_field("updated_at", &Text(self.0.updated_at))?;
        fields.end()
    }
}

/// A moment as text: RFC 3339 in UTC with milliseconds.
struct Text(Timestamp);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::message::{
        lead_time::LeadTime,
        reminder::{Channel, Status},
        text::Title,
    };

    #[test]
    fn a_reminder_is_shown_with_every_field_in_order() {
        let reminder = Reminder {
            id: Uuid::from_u128(1),
            task_id: Uuid::from_u128(2),
            task_title: Title::parse("Pay the rent").unwrap(),
            due: None,
            lead_time: LeadTime::parse("1h").ok(),
            remind_at: Timestamp(1_000),
            status: Status::Pending,
            channels: vec![Channel::InApp, Channel::Webhook],
            webhook_url: None,
            email_address: None,
            snoozed_until: Some(Timestamp(1_000)),
            late: false,
            triggered_at: None,
            acknowledged_at: None,
            version: 7,
            created_at: Timestamp(0),
            updated_at: Timestamp(1),
        };
        let user = UserId::parse("ada").unwrap();
        let text = serde_json::to_string(&Shown { reminder: &reminder, user: &user }).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"id":"00000000-0000-0000-0000-000000000001","user_id":"ada","#,
                r#""task_id":"00000000-0000-0000-0000-000000000002","task_title":"Pay the rent","#,
                r#""lead_time":"1h","remind_at":"1970-01-01T00:00:01.000Z","status":"pending","#,
                r#""channels":["in_app","webhook"],"webhook_url":null,"email_address":null,"#,
                r#""snoozed_until":"1970-01-01T00:00:01.000Z","late":false,"triggered_at":null,"#,
                r#""acknowledged_at":null,"version":7,"created_at":"1970-01-01T00:00:00.000Z","#,
                r#""updated_at":"1970-01-01T00:00:00.001Z"}"#,
            )
        );
    }

    #[test]
    fn an_inbox_entry_is_shown_with_its_deliveries() {
        let notification = Notification {
            id: Uuid::from_u128(1),
            kind: "reminder".to_owned(),
            reminder_id: Some(Uuid::from_u128(2)),
            task_id: None,
            title: "Pay the rent".to_owned(),
            message: "A reminder that you set.".to_owned(),
            late: true,
            created_at: Timestamp(0),
            read_at: None,
            deliveries: vec![Delivery {
                channel: Channel::Email,
                status: "pending".to_owned(),
                attempts: 0,
                error: None,
                updated_at: Timestamp(0),
            }],
        };
        let text = serde_json::to_string(&ShownNotification(&notification)).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"id":"00000000-0000-0000-0000-000000000001","kind":"reminder","#,
                r#""reminder_id":"00000000-0000-0000-0000-000000000002","task_id":null,"#,
                r#""title":"Pay the rent","message":"A reminder that you set.","late":true,"#,
                r#""created_at":"1970-01-01T00:00:00.000Z","read_at":null,"deliveries":"#,
                r#"[{"channel":"email","status":"pending","attempts":0,"error":null,"#,
                r#""updated_at":"1970-01-01T00:00:00.000Z"}]}"#,
            )
        );
    }
}
