//! Telling a webhook, within bounds, and more than once.

use std::time::Duration;

use ishibumi_wire::{Net as _, Request};
use serde_json::Value;

use super::super::{Failure, files, network};
use super::config::Webhook;

/// The longest answer of a webhook that is read, in octets; it is not looked at.
const ANSWER_LEN_MAX: usize = 64 << 10;

/// The longest bearer token that is read, in octets.
const TOKEN_LEN_MAX: usize = 4096;

/// Posts `message`; a failure says what every attempt failed with.
pub(super) async fn tell(webhook: &Webhook, message: &Value) -> Result<(), Failure> {
    let mut request = Request::post(
        &webhook.url,
        message.to_string().into_bytes(),
        ANSWER_LEN_MAX,
    );
    request.deadline = Duration::from_secs(webhook.timeout_s);
    let json = "application/json".to_owned();
    request.headers.push(("content-type", json));
    if let Some(path) = &webhook.token_file {
        let octets = files::read(path, TOKEN_LEN_MAX)?;
        let token = String::from_utf8_lossy(&octets).trim().to_owned();
        let bearer = format!("Bearer {token}");
        request.headers.push(("authorization", bearer));
    }
    let net = network::net();
    let mut failed = Vec::new();
    for attempt in 1..=webhook.attempts.max(1) {
        match net.send(request.clone()).await {
            Ok(answer) if (200..300).contains(&answer.status) => return Ok(()),
            Ok(answer) => failed.push(format!("answered with status {}", answer.status)),
            Err(error) => failed.push(error.to_string()),
        }
        if attempt < webhook.attempts {
            tokio::time::sleep(Duration::from_secs(u64::from(attempt))).await;
        }
    }
    failed.dedup();
    let url = &webhook.url;
    let message = format!("the webhook {url} was not told: {}", failed.join("; "));
    Err(Failure::unavailable(message).advice("it is told again in the next round"))
}
