//! `explain`: the lint rules, the configuration and kmsctl's own subjects, in words. AWS is not asked.

use crate::config;
use crate::config::records::{Key, StackFields};
use crate::decode::{self, Decode as _, Record as _};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::render::explain as render;
use crate::render::explain::Unknown;

/// Runs `kmsctl explain [TOPIC]`.
pub(super) fn explain(topic: Option<&str>, io: &Io) -> Result<Exit, Failure> {
    let (schema, width) = (config::schema(), io.width());
    let Some(topic) = topic else {
        io.out(&render::topics(&schema, width));
        return Ok(Exit::Done);
    };
    match render::explain(topic, &schema, width) {
        Ok(text) => {
            io.out(&text);
            Ok(Exit::Done)
        }
        Err(Unknown::NoTopic(mut near)) => {
            let meant = meant(topic);
            near.retain(|near| meant.as_ref() != Some(near));
            near.splice(0..0, meant);
            Err(refusal(topic, Unknown::NoTopic(near)))
        }
        Err(unknown) => Err(refusal(topic, unknown)),
    }
}

/// Returns the topic of the field that another tool's name stands for.
fn meant(topic: &str) -> Option<String> {
    let of_key = decode::meant(topic, &Key::fields()).map(|field| format!("keys.{field}"));
    of_key.or_else(|| decode::meant(topic, StackFields::FIELDS).map(str::to_owned))
}

fn refusal(topic: &str, unknown: Unknown) -> Failure {
    let list = |names: Vec<String>| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        quoted.join(", ")
    };
    let failure = match unknown {
        Unknown::NoTopic(near) if near.is_empty() => {
            Failure::new(format!("there is no topic `{topic}`"))
                .hint("`kmsctl explain` lists the topics")
        }
        Unknown::NoTopic(near) => Failure::new(format!("there is no topic `{topic}`"))
            .hint(format!("did you mean {}? `kmsctl explain` lists the topics", list(near))),
        Unknown::Several(paths) => {
            Failure::new(format!("several parts of the configuration are called `{topic}`"))
                .hint(format!("write one of {}", list(paths)))
        }
    };
    failure.exit(Exit::Usage)
}
