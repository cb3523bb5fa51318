//! Use of CPU, memory and files by processes and by the machine, from Linux' /proc.

use std::path::Path;

/// Clock ticks per second of the times in /proc: USER_HZ, 100 on every architecture that Linux
/// has 64-bit Rust for.
const TICKS_PER_SECOND: f64 = 100.0;

/// The use of one process so far, or of several together.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessUsage {
    /// Seconds of CPU, user and system.
    pub cpu_seconds: f64,
    /// Resident memory, in octets.
    pub resident: u64,
    /// The most that it ever had resident, in octets.
    pub resident_peak: u64,
    /// Octets that it read from files and sockets, cached by the system or not.
    pub read: u64,
    /// Octets that it wrote to files and sockets.
    pub written: u64,
}

/// The machine's use so far, in seconds of CPU over all cores.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineUsage {
    /// Anything but idle and waiting for a disk, by any process.
    pub busy_seconds: f64,
    /// Withheld by the hypervisor.
    pub stolen_seconds: f64,
}

impl ProcessUsage {
    /// Reads one process; `None` if it is not there (any more).
    pub fn of(pid: u32) -> Option<Self> {
        let proc = Path::new("/proc").join(pid.to_string());
        let stat = std::fs::read_to_string(proc.join("stat")).ok()?;
        let status = std::fs::read_to_string(proc.join("status")).ok()?;
        // The command's name stands in parentheses and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
        // Not everybody may read it; a process's own is always there.
        let io = std::fs::read_to_string(proc.join("io")).unwrap_or_default();
        let passed = |name: &str| {
            let line = io.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse::<u64>().ok()
        };
        let octets = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kib * 1024)
        };
        Some(Self {
            cpu_seconds: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
            resident: octets("VmRSS:")?,
            resident_peak: octets("VmHWM:")?,
            read: passed("rchar:").unwrap_or(0),
            written: passed("wchar:").unwrap_or(0),
        })
    }

    /// The sum over several processes; those that are gone count nothing.
    pub fn of_all(pids: &[u32]) -> Self {
        pids.iter()
            .filter_map(|&pid| Self::of(pid))
            .fold(Self::default(), |sum, one| Self {
                cpu_seconds: sum.cpu_seconds + one.cpu_seconds,
                resident: sum.resident + one.resident,
                resident_peak: sum.resident_peak + one.resident_peak,
                read: sum.read + one.read,
                written: sum.written + one.written,
            })
    }
}

impl MachineUsage {
    /// Reads the machine's counters; zeros where there are none.
    pub fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let first = stat.lines().next().unwrap_or_default();
        let ticks: Vec<f64> = first
            .split_whitespace()
            .skip(1)
            .filter_map(|field| field.parse().ok())
            .collect();
        let seconds = |at: usize| ticks.get(at).copied().unwrap_or(0.0) / TICKS_PER_SECOND;
        Self {
            // user, nice, system, irq, softirq; 3 and 4 are idle and iowait.
            busy_seconds: [0, 1, 2, 5, 6].into_iter().map(seconds).sum(),
            stolen_seconds: seconds(7),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_strange_one_is_none() {
        let own = ProcessUsage::of(std::process::id()).unwrap();
        assert!(own.resident > 0 && own.resident_peak >= own.resident / 2);
        assert!(ProcessUsage::of(u32::MAX).is_none());
        assert!(MachineUsage::now().busy_seconds > 0.0);
    }
}
