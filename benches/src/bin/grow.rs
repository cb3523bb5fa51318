//! `grow`: grows a log and writes down what a record costs. See
//! [`ishibumi_benches::grow::GrowOptions`].

use std::process::ExitCode;

use clap::Parser as _;
use ishibumi_benches::LoadError;
use ishibumi_benches::grow::{GrowOptions, Row, grow};

fn main() -> ExitCode {
    let show = |row: &Row| {
        println!(
            "{:>11} records {:>8.0}/s {:>6.1} us CPU {:>6.0} MiB {:>8.0} read {:>6.0} written {:>6.0} on disk, \
             longest batch {:>5.0} ms, others {:>5.1} us",
            row.records,
            row.records_per_second,
            row.cpu_us_per_record,
            row.resident_mib,
            row.read_octets_per_record,
            row.written_octets_per_record,
            row.disk_octets_per_record,
            row.longest_batch_ms,
            row.others_cpu_us_per_record,
        );
    };
    match grow(&GrowOptions::parse(), show) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("grow: {error}");
            ExitCode::from(if matches!(error, LoadError::Usage(_)) {
                2
            } else {
                3
            })
        }
    }
}
