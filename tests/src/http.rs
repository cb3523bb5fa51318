//! HTTP as a stranger speaks it: one connection per request, and any octets that a test wants to
//! send.
//!
//! A proper client would refuse to send much of what a log has to survive, so this one writes
//! octets.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// No answer of ours takes longer; a test that waits for ever shows nothing.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Names in lowercase, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// A header that is a number.
    pub fn number(&self, name: &str) -> u64 {
        let value = self.header(name);
        value
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("{name}: {self}"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The answer, if it has this status.
    ///
    /// # Panics
    /// If not, with the whole answer.
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// Checks that this is a problem as RFC 9457 wants it, with this status and the name `name`.
    pub fn expect_problem(&self, status: u16, name: &str) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{name}: {self}"
        );
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self}");
        let problem = self.json();
        assert_eq!(
            problem["type"],
            format!("urn:ishibumi:error:{name}"),
            "{self}"
        );
        assert_eq!(
            (self.status, &problem["status"]),
            (status, &status.into()),
            "{self}"
        );
        assert!(
            problem["detail"].as_str().is_some_and(|it| it.len() > 10),
            "{self}"
        );
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.text().chars().take(600).collect();
        write!(f, "{} {:?} {text}", self.status, self.headers)
    }
}

/// Opens a connection to `http://ADDRESS:PORT`.
///
/// # Errors
/// If there is no connection.
pub fn connect(url: &str) -> io::Result<TcpStream> {
    let address: SocketAddr = url
        .trim_start_matches("http://")
        .parse()
        .map_err(|_| io::Error::other(format!("{url} is no http://ADDRESS:PORT")))?;
    let stream = TcpStream::connect_timeout(&address, ANSWER_DEADLINE)?;
    stream.set_read_timeout(Some(ANSWER_DEADLINE))?;
    stream.set_write_timeout(Some(ANSWER_DEADLINE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends `octets` on a connection of their own and reads what comes back until the end. A client
/// that is cut off while sending may still have been told why.
///
/// # Errors
/// If there is no connection, or no whole answer comes.
pub fn exchange(url: &str, octets: &[u8]) -> io::Result<Answer> {
    let mut stream = connect(url)?;
    let sent = stream.write_all(octets);
    let mut received = Vec::new();
    let read = stream.read_to_end(&mut received);
    match parse(&received) {
        Some(answer) => Ok(answer),
        None => {
            sent?;
            read?;
            Err(io::Error::other("no HTTP answer came"))
        }
    }
}

/// A request head with these headers, and the empty line.
pub fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    head_to("log.test", method, path, headers)
}

/// A request head that names this host.
pub fn head_to(host: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let lines = headers.iter().fold(String::new(), |lines, (name, value)| {
        lines + name + ": " + value + "\r\n"
    });
    format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{lines}\r\n")
}

fn authority(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// Sends a request with a body of stated length.
///
/// # Errors
/// If there is no connection, or no whole answer comes.
pub fn post(url: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
    let length = body.len().to_string();
    let headers = [headers, &[("content-length", length.as_str())]].concat();
    exchange(
        url,
        &[
            head_to(authority(url), "POST", path, &headers).as_bytes(),
            body,
        ]
        .concat(),
    )
}

/// Sends a `GET`.
///
/// # Errors
/// If there is no connection, or no whole answer comes.
pub fn get(url: &str, path: &str) -> io::Result<Answer> {
    exchange(url, head_to(authority(url), "GET", path, &[]).as_bytes())
}

fn parse(received: &[u8]) -> Option<Answer> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let mut lines = std::str::from_utf8(&received[..end]).ok()?.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let body = received[end + 4..].to_vec();
    let answer = Answer {
        status,
        headers,
        body,
    };
    let stated = answer.header("content-length");
    // A body that broke off is no answer.
    (stated.is_none_or(|stated| stated == answer.body.len().to_string())).then_some(answer)
}
