//! The ids and ARNs of resources that exist.

use super::Kind;
use crate::id::Place;

/// Returns the ARN of a resource with the id of its record; `None` for resources without an ARN.
#[must_use]
pub fn arn(kind: Kind, id: &str, place: &Place) -> Option<String> {
    if id.starts_with("arn:") {
        return Some(id.to_owned());
    }
    let Place { account, region } = place;
    let partition = region.partition();
    match kind {
        Kind::Alias => Some(format!("arn:{partition}:kms:{region}:{account}:{id}")),
        // Only the names of buckets are unique in the whole partition, so that their ARNs have neither a Region nor an
        // account (Service Authorization Reference, "Resource types defined by Amazon S3").
        Kind::Consumer(kind) if kind.facts().names_are_global => {
            Some(format!("arn:{partition}:s3:::{id}"))
        }
        Kind::Consumer(kind) => {
            let form = kind.facts().arn.filter(|form| !form.is_id)?;
            let (service, prefix) = (form.service, form.prefix);
            Some(format!("arn:{partition}:{service}:{region}:{account}:{prefix}{id}"))
        }
        Kind::Key | Kind::KeyPolicy | Kind::Grant | Kind::ServiceLinkedRole => None,
    }
}

/// Returns the id that AWS's commands take: the last part of an ARN, or else the id of the record.
#[must_use]
pub fn short_id(id: &str) -> &str {
    if id.starts_with("arn:") { id.rsplit(['/', ':']).next().unwrap_or(id) } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::ConsumerKind;

    /// The form in which a list of AWS names a resource and the form in which it is printed are the same.
    #[test]
    fn an_arn_of_a_consumer_has_the_id_that_a_list_of_arns_gives_it() {
        let place = Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let mut checked = 0;
        for kind in ConsumerKind::ALL {
            let Some(form) = kind.facts().arn.filter(|form| !form.is_id) else { continue };
            let arn = arn(Kind::Consumer(*kind), "data", &place).unwrap();
            assert_eq!(form.id(&arn).as_deref(), Some("data"), "{arn}");
            assert!(arn.contains(":eu-west-1:111122223333:"), "{arn}");
            checked += 1;
        }
        assert!(checked > 5);
        let global = ConsumerKind::ALL.iter().filter(|kind| kind.facts().names_are_global);
        let global: Vec<&str> = global.map(|kind| kind.as_str()).collect();
        assert_eq!(global, ["s3_bucket"]);
        let alias = arn(Kind::Alias, "alias/a/b", &place).unwrap();
        assert_eq!(alias, "arn:aws:kms:eu-west-1:111122223333:alias/a/b");
        assert_eq!(arn(Kind::Grant, "0c237476", &place), None);
    }

    #[test]
    fn an_id_is_the_last_part_of_an_arn() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(short_id(&format!("arn:aws:kms:eu-west-1:111122223333:key/{id}")), id);
        assert_eq!(short_id("alias/a/b"), "alias/a/b");
    }
}
