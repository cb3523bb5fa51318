//! The running witness: its sockets, its connection to a bastion, the lists of logs that it reads,
//! and how all of that ends.
//!
//! A failed read or write of the store stops the server: what the database says after one is not
//! believed (rule R4 of docs/design.md), and the next start reads and verifies everything. What the
//! network does, a bastion or a list, stops nothing.

mod api;

use std::future::Future;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::shown;
use ishibumi_wire::{Bastion, BastionEvent, HttpNet, Limits};
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::api::{Admin, Api, Public};
use crate::host::ServeError;
use crate::log_list::{self, ListOutcome, ListSource};
use crate::metrics::Metrics;
use crate::witness::Witness;

/// Tasks of a witness beside answering on its public socket.
pub struct Options {
    /// Where metrics are served.
    pub admin: Option<TcpListener>,
    /// Limits on connections and requests.
    pub limits: Limits,
    /// Lists whose logs are added.
    pub lists: Vec<ListSource>,
    /// From one reading of the lists to the next.
    pub lists_interval: Duration,
    /// A bastion that forwards requests as well.
    pub bastion: Option<Bastion>,
}

impl Default for Options {
    /// Nothing beside the public socket; lists, if some are set, every hour.
    fn default() -> Self {
        Self {
            admin: None,
            limits: Limits::default(),
            lists: Vec::new(),
            lists_interval: Duration::from_secs(3600),
            bastion: None,
        }
    }
}

/// Serves `witness` on `listener`, and what `options` say, until `shutdown` completes; then lets
/// requests in flight finish.
///
/// # Errors
/// [`ServeError::Store`] as soon as the store failed once.
pub async fn serve<R: Registers, C: Clock>(
    witness: Arc<Witness<R, C>>,
    metrics: Arc<Metrics>,
    listener: TcpListener,
    options: Options,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let api = Api::new(witness, metrics);
    let mut failure = api.host.failure();
    let (closing, close) = watch::channel(false);
    let closed = || {
        let mut close = close.clone();
        async move {
            let _ = close.wait_for(|&closing| closing).await;
        }
    };
    let stop = async {
        tokio::select! {
            () = shutdown => {}
            _ = failure.wait_for(Option::is_some) => {}
        }
        // The receivers live as long as the servers below.
        let _ = closing.send(true);
    };
    let service = Arc::new(Public(Arc::clone(&api)));
    let limits = options.limits;
    let public = ishibumi_wire::serve(listener, Arc::clone(&service), limits.clone(), closed());
    let private = async {
        let Some(admin) = options.admin else {
            return Ok(());
        };
        let service = Arc::new(Admin(Arc::clone(&api)));
        ishibumi_wire::serve(admin, service, limits.clone(), closed()).await
    };
    let forwarded = async {
        let Some(bastion) = options.bastion else {
            return;
        };
        let heard = |event| hear(&api.metrics, &event);
        bastion
            .serve(service, limits.clone(), heard, closed())
            .await;
    };
    let lists = async {
        tokio::select! {
            () = follow_lists(&api, &options.lists, options.lists_interval) => {}
            () = closed() => {}
        }
    };
    let (public, private, (), (), ()) = tokio::join!(public, private, forwarded, lists, stop);
    public?;
    private?;
    let failure = api.host.failure().borrow().clone();
    failure.map_or(Ok(()), |cause| Err(ServeError::Store(cause)))
}

fn hear(metrics: &Metrics, event: &BastionEvent) {
    metrics.bastion(event);
    match event {
        BastionEvent::Connected => say("the bastion forwards requests"),
        BastionEvent::Lost(cause) => say(&format!("the bastion {cause}")),
    }
}

/// Reads the lists again and again. Never ends while there are any.
async fn follow_lists<R: Registers, C: Clock>(
    api: &Arc<Api<R, C>>,
    lists: &[ListSource],
    interval: Duration,
) {
    let net = HttpNet::new();
    // The report on each list is not repeated until it changes.
    let mut said: Vec<Vec<String>> = vec![Vec::new(); lists.len()];
    while !lists.is_empty() {
        for (list, said) in lists.iter().zip(&mut said) {
            let complaints = read_list(api, list, &net).await;
            if complaints != *said {
                for complaint in &complaints {
                    say(&format!("the log list {list}: {complaint}"));
                }
                *said = complaints;
            }
        }
        tokio::time::sleep(interval).await;
    }
}

/// Adds the logs of one list; returns what an operator has to hear.
async fn read_list<R: Registers, C: Clock>(
    api: &Arc<Api<R, C>>,
    list: &ListSource,
    net: &HttpNet,
) -> Vec<String> {
    let name = list.to_string();
    let entries = match list.read(net).await {
        Ok(entries) => entries,
        Err(error) => {
            api.metrics.unlisted(&name);
            return vec![error.cause];
        }
    };
    let added = api.host.blocking(move |witness| {
        let follower = witness.follower();
        (log_list::apply(follower, &entries), follower.now())
    });
    match added.await {
        Ok((Ok(outcome), now)) => {
            api.metrics.listed(&name, now, &outcome);
            let ListOutcome {
                skipped, refused, ..
            } = outcome;
            let refused = refused.into_iter().map(|line| format!("REFUSED: {line}"));
            let skipped = skipped.into_iter().map(|line| format!("skipped: {line}"));
            refused.chain(skipped).collect()
        }
        Ok((Err(error), _)) => {
            api.metrics.unlisted(&name);
            api.host.complain(&error);
            Vec::new()
        }
        // Too many requests at once: the next reading comes.
        Err(_) => {
            api.metrics.unlisted(&name);
            Vec::new()
        }
    }
}

/// Standard error may be closed; metrics stay.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", shown::line(line));
}
