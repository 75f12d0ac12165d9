//! `POST /users/{id}/sendMail`: mails as JSON or as MIME, taken in and kept for whoever wants to look.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use uuid::Uuid;

use super::access::Caller;
use super::graph::Answer;
use super::record::ObjectId;
use super::refusal::Refusal;
use super::tenant::{Directory, State};

/// The permission to send as anybody.
const SEND_ANYWHERE: &str = "Mail.Send";

/// A mail that was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct SentMail {
    /// The mailbox it left from.
    pub mailbox: String,
    /// The mail.
    pub message: SentMessage,
}

/// A mail in the form in which it was handed over.
#[derive(Debug, Clone, PartialEq)]
pub enum SentMessage {
    /// The whole request.
    Json(Value),
    /// The decoded mail.
    Mime(Vec<u8>),
}

/// Which application may send from which mailbox, and what was sent.
#[derive(Default)]
pub(super) struct Mailboxes {
    allowed: Vec<(Uuid, ObjectId)>,
    sent: Vec<SentMail>,
}

impl Directory {
    /// Lets an application send from one mailbox, as Exchange's RBAC for applications does. Nothing of it is seen in the token.
    pub fn allow_mail(&self, app_id: Uuid, mailbox: ObjectId) {
        self.lock().mailboxes.allowed.push((app_id, mailbox));
    }

    /// Every mail that was taken in, oldest first.
    #[must_use]
    pub fn sent_mails(&self) -> Vec<SentMail> {
        self.lock().mailboxes.sent.clone()
    }
}

/// Takes in a mail from `user`, an object id or a user principal name.
pub(super) fn send(caller: &Caller, user: &str, headers: &HeaderMap, body: &[u8]) -> Result<Answer, Refusal> {
    let mut state = caller.directory.lock();
    let (id, mailbox) = find(&state, user)?;
    if !caller.has(SEND_ANYWHERE) && !state.mailboxes.allowed.contains(&(caller.app_id, id)) {
        let message = "Access is denied. Check credentials and try again.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "ErrorAccessDenied", message));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let message = if kind.starts_with("text/plain") { mime(body)? } else { json(body)? };
    let mailbox = mailbox.ok_or_else(|| {
        let message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise.";
        Refusal::new(StatusCode::NOT_FOUND, "MailboxNotEnabledForRESTAPI", message)
    })?;
    state.mailboxes.sent.push(SentMail { mailbox, message });
    Ok(Answer { status: StatusCode::ACCEPTED, units: 1, body: Vec::new() })
}

fn find(state: &State, user: &str) -> Result<(ObjectId, Option<String>), Refusal> {
    let id = Uuid::parse_str(user).ok().map(ObjectId);
    let known = state.users.values().find(|known| Some(known.id) == id || known.upn.eq_ignore_ascii_case(user));
    let missing = || {
        let message = format!("The requested user '{user}' is invalid.");
        Refusal::new(StatusCode::NOT_FOUND, "ErrorInvalidUser", message)
    };
    known.map(|known| (known.id, known.mail.clone())).ok_or_else(missing)
}

fn mime(body: &[u8]) -> Result<SentMessage, Refusal> {
    let invalid = || {
        let message = "Invalid base64 string for MIME content.";
        Refusal::new(StatusCode::BAD_REQUEST, "ErrorMimeContentInvalidBase64String", message)
    };
    let bytes = STANDARD.decode(body.trim_ascii()).map_err(|_| invalid())?;
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let head = head.split("\r\n\r\n").next().unwrap_or_default();
    if !head.split("\r\n").any(|line| ["to:", "cc:", "bcc:"].iter().any(|name| line.starts_with(name))) {
        return Err(no_recipients());
    }
    Ok(SentMessage::Mime(bytes))
}

fn json(body: &[u8]) -> Result<SentMessage, Refusal> {
    let unreadable = |what: &str| Refusal::unparsable(format!("Unable to read JSON request payload. {what}"));
    let request: Value = serde_json::from_slice(body)
        .map_err(|_| unreadable("Please ensure Content-Type header is set and payload is of valid JSON format."))?;
    let message = &request["message"];
    if !message["subject"].is_string() || !message["body"]["content"].is_string() {
        return Err(unreadable("The property 'message' is missing or incomplete."));
    }
    if !message["body"]["contentType"].as_str().is_some_and(|kind| ["text", "html"].contains(&kind.to_lowercase().as_str())) {
        return Err(unreadable("The value of 'contentType' is not one of Text and HTML."));
    }
    let recipients = message["toRecipients"].as_array().into_iter().flatten();
    let mut addresses = recipients.map(|recipient| recipient["emailAddress"]["address"].as_str().unwrap_or_default()).peekable();
    if addresses.peek().is_none() || addresses.any(|address| !address.contains('@')) {
        return Err(no_recipients());
    }
    Ok(SentMessage::Json(request))
}

fn no_recipients() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "ErrorInvalidRecipients", "At least one recipient is not valid.")
}
