//! The check that each request of a run must pass directly before it is sent.

use aws_sdk_kms::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_kms::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_kms::error::BoxError;
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

/// Decides whether a request may be sent now.
pub trait Permit: Debug + Send + Sync {
    /// Checks that a request may be sent now, and that it may still be executed once its time-out is
    /// over.
    ///
    /// # Errors
    /// Returns the reason why no request may be sent.
    fn check(&self) -> Result<(), String>;
}

/// The check of all clients. Without a permit every request is sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<OnceLock<Arc<dyn Permit>>>);

impl Gate {
    pub(super) fn close_with(&self, permit: Arc<dyn Permit>) {
        // A run has one store and takes its lock once.
        drop(self.0.set(permit));
    }
}

/// The error of a request that was not sent, because the permit did not allow it.
#[derive(Debug, thiserror::Error)]
#[error("not sent: {0}")]
pub(crate) struct Withheld(String);

/// A request may wait for its quota and for credentials. This is called after both, directly before the
/// request is given to the connection. If the connection takes long, or the process stands still, the
/// time-out of the request ends first.
impl Intercept for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match self.0.get() {
            Some(permit) => Ok(permit.check().map_err(Withheld)?),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Fault;
    use crate::cloud::Cloud;
    use crate::id::Place;
    use crate::sdk::replay::replay;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[derive(Debug, Default)]
    struct Switch(AtomicBool);

    impl Permit for Switch {
        fn check(&self) -> Result<(), String> {
            let is_open = self.0.load(Ordering::SeqCst);
            if is_open { Ok(()) } else { Err("the lease has ended".to_owned()) }
        }
    }

    /// Every service is checked: KMS, IAM and those of the consumers.
    #[tokio::test]
    async fn nothing_is_sent_without_a_permit() {
        let home = Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let role = "arn:aws:iam::111122223333:role/x".parse().unwrap();
        let cloud = replay(&[(200, r#"{"Keys": []}"#); 3]);
        let switch = Arc::new(Switch::default());
        cloud.aws.guard(Arc::clone(&switch) as Arc<dyn Permit>);
        let errors = [
            cloud.aws.keys(&home, None).await.unwrap_err(),
            cloud.aws.identity(&role).await.unwrap_err(),
            cloud.aws.bucket(&home, "logs").await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.fault, Fault::Unsent, "{error}");
            assert_eq!(error.message, "not sent: the lease has ended");
        }
        assert_eq!(cloud.bodies(), [""; 0]);
        switch.0.store(true, Ordering::SeqCst);
        cloud.aws.keys(&home, None).await.unwrap();
        assert_eq!(cloud.bodies().len(), 1);
    }
}
