//! Writes a configuration back as TOML, defaults and all: what `--print-config` prints.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use super::checkpoint_timestamps::hash_word;
use super::{Config, NO_KEY, ProviderConfig, Quota, StatusConfig, TsaConfig};

impl Config {
    /// The configuration in force; reading it gives the same one again.
    pub fn to_toml(&self) -> String {
        let mut root = Table::new();
        root.insert("origin".into(), text(&self.origin));
        root.insert("data_dir".into(), path(&self.data_dir));
        root.insert("head_dir".into(), path(&self.head_dir));
        root.insert("key_file".into(), path(&self.key_file));
        let beside = self.key_file_ml_dsa_44.as_deref();
        let beside = beside.map_or_else(|| text(NO_KEY), path);
        root.insert("key_file_ml_dsa_44".into(), beside);
        root.insert("policy_file".into(), path(&self.policy_file));
        root.insert("listen".into(), text(&self.listen));
        root.insert("admin_listen".into(), text(&self.admin_listen));
        root.insert("admin_hosts".into(), texts(&self.admin_hosts));
        root.insert(
            "distrusted_witnesses".into(),
            texts(&self.distrusted_witnesses),
        );

        root.insert("mirrors".into(), texts(&self.mirrors));
        let u = &self.upload;
        root.insert(
            "upload".into(),
            table([
                ("deadline_ms", millis(u.deadline)),
                ("packages_max", count(u.packages_max)),
                ("len_max", count(u.len_max)),
            ]),
        );

        let s = &self.store;
        let reserve = usize::try_from(s.reserve_octets).unwrap_or(usize::MAX);
        root.insert(
            "store".into(),
            table([
                ("cache_len", count(s.cache_len)),
                ("reserve_octets", count(reserve)),
                ("scrub_period_ms", millis(s.scrub_period)),
            ]),
        );

        let s = &self.sequencing;
        root.insert(
            "sequencing".into(),
            table([
                ("batch_records_max", count(s.batch_records_max)),
                ("batch_age_ms", millis(s.batch_age)),
                ("pool_records_max", count(s.pool_records_max)),
                ("quorum_deadline_ms", millis(s.quorum_deadline)),
                ("witness_deadline_ms", millis(s.witness_deadline)),
                ("keep_interval_ms", millis(s.keep_interval)),
                ("recosign_interval_ms", millis(s.recosign_interval)),
                ("look_interval_ms", millis(s.look_interval)),
                ("quorum_alarm_ms", millis(s.quorum_alarm)),
            ]),
        );
        let l = &self.limits;
        root.insert(
            "limits".into(),
            table([
                ("head_deadline_ms", millis(l.head_deadline)),
                ("body_deadline_ms", millis(l.body_deadline)),
                ("stall_deadline_ms", millis(l.stall_deadline)),
                ("connections_max", count(l.connections_max)),
                ("bodies_len_max", count(l.bodies_len_max)),
                ("drain_deadline_ms", millis(l.drain_deadline)),
                ("linger_deadline_ms", millis(l.linger_deadline)),
                ("linger_len_max", count(l.linger_len_max)),
                ("body_len_max", count(self.body_len_max)),
                ("batch_items_max", count(self.batch_items_max)),
            ]),
        );
        root.insert(
            "lab".into(),
            table([
                ("accept_opaque", self.lab_accept_opaque.into()),
                ("allow_no_quorum", self.lab_allow_no_quorum.into()),
                ("allow_related_tsas", self.lab_allow_related_tsas.into()),
            ]),
        );
        let providers: Vec<Value> = self.providers.iter().map(provider).collect();
        if !providers.is_empty() {
            root.insert("provider".into(), providers.into());
        }
        let rescue = &self.rescue;
        root.insert(
            "rescue".into(),
            table([
                ("rescue", rescue.rescue.into()),
                ("token_sha256", texts(&rescue.token_sha256)),
                ("quota", quota(rescue.quota)),
            ]),
        );
        let a = &self.checkpoint_timestamps;
        let seconds = i64::try_from(a.interval.as_secs()).unwrap_or(i64::MAX);
        root.insert(
            "checkpoint_anchors".into(),
            table([
                ("interval_s", seconds.into()),
                ("deadline_ms", millis(a.deadline)),
                ("tsa", a.tsas.iter().map(tsa).collect::<Vec<_>>().into()),
            ]),
        );
        root.to_string()
    }
}

fn tsa(tsa: &TsaConfig) -> Value {
    let authorization = tsa.authorization_file.as_deref();
    table([
        ("name", text(&tsa.name)),
        ("url", text(&tsa.url)),
        ("anchors", paths(&tsa.anchors)),
        ("intermediates", paths(&tsa.intermediates)),
        ("hash", text(hash_word(tsa.hash))),
        ("policy", text(&tsa.policy)),
        (
            "authorization_file",
            authorization.map_or_else(|| text(""), path),
        ),
    ])
}

fn provider(provider: &ProviderConfig) -> Value {
    let status = provider.status.iter().map(status).collect::<Vec<_>>();
    table([
        ("id", text(&provider.id)),
        ("name", text(&provider.name)),
        ("name_ja", text(&provider.name_ja)),
        ("anchors", paths(&provider.anchors)),
        ("intermediates", paths(&provider.intermediates)),
        ("responders", paths(&provider.responders)),
        ("kinds", texts(&provider.kinds)),
        ("token_sha256", texts(&provider.token_sha256)),
        ("quota", quota(provider.quota)),
        ("backdating_s", i64::from(provider.backdating_s).into()),
        ("status", status.into()),
    ])
}

fn status(change: &StatusConfig) -> Value {
    // The form of both is RFC 3339's, and what was read was a moment.
    let from = change.from.to_string().parse().map(Value::Datetime);
    table([
        ("state", text(change.state.name().unwrap_or_default())),
        ("from", from.unwrap_or_else(|_| text(&change.from))),
        ("successor", text(&change.successor)),
    ])
}

fn quota(quota: Quota) -> Value {
    table([
        ("per_minute", i64::from(quota.per_minute).into()),
        ("per_day", i64::from(quota.per_day).into()),
    ])
}

fn paths(files: &[PathBuf]) -> Value {
    files
        .iter()
        .map(|file| path(file))
        .collect::<Vec<_>>()
        .into()
}

/// A table; a text that is empty is left out, which reads back as the same.
fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Table(
        entries
            .into_iter()
            .filter(|(_, value)| value.as_str() != Some(""))
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

fn text(value: &(impl std::fmt::Display + ?Sized)) -> Value {
    Value::String(value.to_string())
}

fn texts<T: std::fmt::Display>(values: &[T]) -> Value {
    values.iter().map(text).collect::<Vec<_>>().into()
}

fn path(path: &Path) -> Value {
    text(&path.display())
}

fn count(value: usize) -> Value {
    i64::try_from(value).unwrap_or(i64::MAX).into()
}

fn millis(value: Duration) -> Value {
    i64::try_from(value.as_millis()).unwrap_or(i64::MAX).into()
}
