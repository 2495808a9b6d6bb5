//! The calls of a kind: AWS's operations with their parameters.

/// Declares the calls of a kind, as an enum whose variants have the names and parameters of the
/// operations.
///
/// Each operation becomes a struct of its parameters, whose `NAME` is the operation's name, and a
/// variant of the enum that contains this struct. In JSON a call is `{"Operation": {"Parameter":
/// value}}`.
macro_rules! calls {
    ($(#[$doc:meta])* pub enum Call {
        $($operation:ident { $($(#[$attribute:meta])* $parameter:ident: $type:ty),* $(,)? }),+ $(,)?
    }) => {
        $(
            #[doc = concat!("The parameters of `", stringify!($operation), "`.")]
            #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
            #[serde(rename_all = "PascalCase")]
            pub struct $operation {
                $(
                    #[doc = concat!("A parameter of `", stringify!($operation), "`.")]
                    $(#[$attribute])*
                    pub $parameter: $type,
                )*
            }

            impl $operation {
                /// The name of the operation.
                pub const NAME: &'static str = stringify!($operation);
            }

            impl From<$operation> for Call {
                fn from(call: $operation) -> Self {
                    Self::$operation(call)
                }
            }
        )+

        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum Call {
            $(#[doc = concat!("`", stringify!($operation), "`.")] $operation($operation),)+
        }

        impl Call {
            /// The names of all operations.
            pub const OPERATIONS: &[&'static str] = &[$($operation::NAME),+];

            /// Returns the name of the operation.
            #[must_use]
            pub fn operation(&self) -> &'static str {
                match self {
                    $(Self::$operation(_) => $operation::NAME,)+
                }
            }
        }
    };
}
pub(crate) use calls;
