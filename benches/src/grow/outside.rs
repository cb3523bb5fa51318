//! Growing a log that runs, over HTTP: one run of the load generator for each step.

use std::path::Path;

use super::options::{GrowOptions, Shape};
use super::table::{Moment, Row, Table};
use crate::error::LoadError;
use crate::options::{Kind, Options, Wait};
use crate::run::run;

/// One of this many submissions is checked: more would measure the checks instead of the log.
const SAMPLE_EVERY: u64 = 2000;

pub(super) fn grow<F: FnMut(&Row)>(
    options: &GrowOptions,
    log: &str,
    dir: &Path,
    table: &mut Table<F>,
) -> Result<(), LoadError> {
    let (Some(token_file), Some(pid)) = (&options.token_file, options.server_pid) else {
        return Err(LoadError::Usage(
            "--log wants --token-file and --server-pid".to_owned(),
        ));
    };
    if options.shape != Shape::Opaque {
        let why = "--shape token is for a log in this process: a log that runs verifies tokens";
        return Err(LoadError::Usage(why.to_owned()));
    }
    let mut records = 0;
    while records < options.records {
        let step = Options {
            log: log.to_owned(),
            anywhere: false,
            token_file: token_file.clone(),
            rate: 0.0,
            clients: options.clients,
            batch: options.batch,
            wait: Wait::Durable,
            kind: Kind::Opaque,
            tokens: None,
            seconds: 600,
            count: options.step.min(options.records - records),
            record_bytes: options.record_bytes,
            server_pid: vec![pid],
            policy: None,
            anchors: None,
            sample_every: SAMPLE_EVERY,
            journal: None,
            json: false,
        };
        let begun = Moment::now(pid);
        let report = run(&step)?;
        if report.records == 0 || report.checks_failed > 0 {
            let why = report.failures.first().cloned().or(report.last_error);
            return Err(LoadError::Unreachable(why.unwrap_or_default()));
        }
        records += report.records;
        let end = Moment::now(pid);
        let row = begun.row(&end, report.records, records, dir, report.latency.max_ms);
        table.push(&row)?;
    }
    Ok(())
}
