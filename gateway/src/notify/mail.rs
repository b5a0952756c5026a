//! Reminders by e-mail.

use std::time::Duration;

use anyhow::Context;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
};
use serde_json::Value;
use tokio::time::Instant;

use super::send::{Try, Verdict};
use crate::{config::Config, views::deliveries::Delivery};

/// Longest that a mail server may take for one answer.
const ANSWER_MS: u64 = 30_000;

/// Sends mail by one server, from one address.
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    page: Option<String>,
}

/// How to get no more of these.
#[derive(Clone)]
struct Unsubscribe(String);

impl Header for Unsubscribe {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

impl Mailer {
    /// As configured; `None` where no server is.
    pub(super) fn open(config: &Config) -> anyhow::Result<Option<Self>> {
        let outside = &config.outside;
        let (Some(url), Some(from)) = (&outside.smtp_url, &outside.mail_from) else {
            return Ok(None);
        };
        // The URL may hold a password: what is said of it is our own.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| anyhow::anyhow!("TICKLER_SMTP_URL: no server can be read from it"))?
            .timeout(Some(Duration::from_millis(ANSWER_MS)))
            .build();
        let from: Mailbox = from.parse().context("TICKLER_MAIL_FROM")?;
        let page = config.public_url.as_ref().map(|url| format!("{url}/app/"));
        Ok(Some(Self { transport, from, page }))
    }

    /// Sends a reminder that has fired.
    pub(super) async fn send(&self, address: &str, it: &Delivery) -> Try {
        let message = match self.message(address, it) {
            Ok(message) => message,
            Err(error) => return Try::never(&format!("the mail cannot be written: {error:#}")),
        };
        let began = Instant::now();
        let sent = self.transport.send(message).await;
        let took = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let (verdict, error) = match sent {
            Ok(_) => (Verdict::Delivered, None),
            Err(error) => {
                let verdict = if error.is_permanent() { Verdict::Never } else { Verdict::Later };
                (verdict, Some(format!("the mail server said: {error}")))
            }
        };
        Try { verdict, response_status: None, duration_ms: took, error }
    }

    fn message(&self, address: &str, it: &Delivery) -> anyhow::Result<Message> {
        let body: Value = serde_json::from_str(&it.body)?;
        let data = &body["data"];
        let title = data["task_title"].as_str().unwrap_or("a task");
        let due = data["due_date"].as_str().map(|due| format!("Due {due}."));
        let late = data["late"].as_bool().filter(|late| *late).map(|_| LATE.to_owned());
        let link = self.page.as_ref().map(|page| format!("Open Tickler: {page}"));
        let lines: Vec<String> =
            [Some(title.to_owned()), due, late, link].into_iter().flatten().collect();
        let text = format!("{}\n\n-- \nA reminder that you set in Tickler.\n", lines.join("\n"));
        let html: String = lines.iter().map(|line| format!("<p>{}</p>", escaped(line))).collect();
        let domain = self.from.email.domain();
        let mail_to = format!("<mailto:{}?subject=unsubscribe>", self.from.email);
        let page = self.page.as_ref().map(|page| format!("<{page}>, "));
        Ok(Message::builder()
            .from(self.from.clone())
            .to(address.parse().context("the address")?)
            .subject(format!("Reminder: {title}"))
            .message_id(Some(format!("<{}@{domain}>", it.id)))
            .header(Unsubscribe(format!("{}{mail_to}", page.unwrap_or_default())))
            .multipart(MultiPart::alternative_plain_html(
                text,
                format!("<!doctype html><html><body>{html}<hr><p>{SIGNED}</p></body></html>"),
            ))?)
    }
}

const LATE: &str = "It comes late: Tickler was not running at its time.";
const SIGNED: &str = "A reminder that you set in Tickler.";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
