//! The declaration of a consumer in the configuration: the fields that all consumers share, the fields
//! of a kind (see `settings!`), and the section of the configuration that lists them.

use super::consumer::{Common, Consumer, Scene, Settings, Spec};
use super::{ConsumerKind, ConsumerSpec};
use crate::decode::{
    Decode, Diagnostic, Diagnostics, Given, Mark, Named, Part, Property, Record, Settable, Spanned,
    Text, field, known_fields, object,
};
use crate::form;
use crate::id::{Place, Region, ResourceName};
use crate::policy::{Document, Need, principal_forms};
use crate::tree::{Node, Span};
use serde_json::{Value as Json, json};
use std::fmt;
use std::marker::PhantomData;

/// A section of the configuration, which lists the resources of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The name, such as `rds`.
    pub name: &'static str,
    /// The description, such as `RDS: instances and clusters.`.
    pub description: &'static str,
}

/// The syntax in which users declare resources of a kind. The texts are the descriptions of the
/// fields.
#[derive(Clone, Copy, Debug)]
pub struct Syntax {
    /// The section of the kind's service.
    pub section: Section,
    /// The name and the description of the kind's list in the section, such as `tables`.
    pub list: (&'static str, &'static str),
    /// The description of one resource.
    pub resource: &'static str,
    /// A declaration, as help shows it. A word in capital letters stands for what only the user knows.
    pub example: &'static str,
    /// The description of `key`.
    pub key: &'static str,
    /// Whether `key: null` is possible, which stands for a key that AWS owns or for no encryption.
    pub removable_key: bool,
    /// The description of `existing`.
    pub existing: &'static str,
    /// Returns the JSON Schema of `existing`.
    pub existing_form: fn() -> Json,
    /// The name and the description of the field that lists the principals that use the resource;
    /// `None` if no statement can be derived for them.
    pub used_by: Option<(&'static str, &'static str)>,
    /// Whether kmsctl creates and deletes resources of the kind. It manages only the encryption of others.
    pub creates: bool,
}

/// The fields that all consumers share. A kind may offer only some of them (see [`Syntax`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedFields {
    /// The key that encrypts the resource.
    pub key: Settable<Text>,
    /// The tags of the resource.
    pub tags: Option<Spanned<Named<Text>>>,
    /// The id or name of a resource that kmsctl did not create.
    pub existing: Option<Text>,
    /// The principals that use the resource.
    pub used_by: Option<Spanned<Vec<Text>>>,
    /// Whether statements are derived.
    pub derive_policy: Option<Spanned<bool>>,
    /// Whether kmsctl refuses to delete the resource.
    pub protect: Option<Spanned<bool>>,
    /// The Region of the resource.
    pub region: Option<Text>,
}

impl SharedFields {
    /// Returns the fields that a kind offers beside `key`, in the order of the documentation.
    fn properties<T: Consumer>() -> Vec<Property> {
        let (syntax, is_single) = (&T::SYNTAX, Declaration::<T>::is_single());
        let mut offered = Vec::new();
        if let Some((name, description)) = &syntax.used_by {
            let docs = std::slice::from_ref(description);
            offered.push(Property::of::<Option<Spanned<Vec<Text>>>>(
                name,
                docs,
                vec![Mark::new("like", principals)],
            ));
        }
        if syntax.creates {
            let docs = &["Its tags, in addition to those of `defaults`."];
            offered.push(Property::of::<Option<Spanned<Named<Text>>>>(
                "tags",
                docs,
                vec![Mark::new("map", tags::<T>), Mark::new("like", tag::<T>)],
            ));
        }
        if !is_single {
            let docs = std::slice::from_ref(&syntax.existing);
            let schema = if syntax.creates { Option::<Text>::schema } else { Text::schema };
            let (name, required) = ("existing", !syntax.creates);
            let marks = vec![Mark::new("like", syntax.existing_form)];
            offered.push(Property { name, docs, schema, required, marks });
            let docs = &[
                "Whether the statements that it needs are added to the key's policy; default: true.",
            ];
            offered.push(Property::of::<Option<Spanned<bool>>>("derive_policy", docs, Vec::new()));
        }
        if syntax.creates {
            let docs = &["Whether kmsctl refuses to delete it; default: true."];
            offered.push(Property::of::<Option<Spanned<bool>>>("protect", docs, Vec::new()));
        }
        let docs = &["Its Region, if not the stack's."];
        offered.push(Property::of::<Option<Text>>(
            "region",
            docs,
            vec![Mark::new("like", Region::schema)],
        ));
        offered
    }

    fn read(node: &Node, syntax: &Syntax, is_single: bool, d: &mut Diagnostics) -> Option<Self> {
        let key = field(node, "key", &[], d);
        let tags = field(node, "tags", &[], d);
        let existing = if syntax.creates || is_single {
            field(node, "existing", &[], d)
        } else {
            let before = d.len();
            let existing = field::<Text>(node, "existing", &[], d).map(Some);
            for error in d.since(before) {
                error.help = Some(format!(
                    "write `existing: BUCKET`: kmsctl creates no {}, and manages only the key of those that exist",
                    syntax.list.0
                ));
            }
            existing
        };
        let used_by = match syntax.used_by {
            Some((name, _)) => field(node, name, &[], d),
            None => Some(None),
        };
        let derive_policy = field(node, "derive_policy", &[], d);
        let protect = field(node, "protect", &[], d);
        let region = field(node, "region", &[], d);
        Some(Self {
            key: key?,
            tags: tags?,
            existing: existing?,
            used_by: used_by?,
            derive_policy: derive_policy?,
            protect: protect?,
            region: region?,
        })
    }
}

fn principals() -> Json {
    principal_forms::schema(&principal_forms::in_policy())
}

/// Returns the JSON Schema of the map of the tags of a kind.
fn tags<T: Consumer>() -> Json {
    T::FACTS.tags.map_or(Json::Null, |rules| rules.map())
}

/// Returns the JSON Schema of the value of a tag of a kind.
fn tag<T: Consumer>() -> Json {
    T::FACTS.tags.map_or(Json::Null, |rules| rules.value())
}

/// The context in which the fields of a declaration are checked.
pub struct Check<'a> {
    /// The errors.
    pub d: &'a mut Diagnostics,
    /// The name in the configuration.
    pub name: &'a Text,
    /// The declared key.
    pub key: &'a Settable<Text>,
    /// The id or name of a resource that kmsctl did not create.
    pub existing: Option<&'a Text>,
    /// The account and Region of the resource.
    pub place: &'a Place,
    /// Whether the Region is known. If it is not, `place` has another Region.
    pub region_known: bool,
    /// Whether the account is known. If it is not, `place` has another account.
    pub account_known: bool,
    /// The resources of other kinds that are created with the resource, by their names in AWS.
    pub parts: Vec<(ConsumerKind, Text)>,
    /// Reads a policy document: a path of a file, or the document itself.
    pub policy: &'a mut dyn FnMut(&Node, &mut Diagnostics) -> Option<Document>,
}

impl Check<'_> {
    /// Reports an error.
    pub fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.d.push(Diagnostic::error(span, message).help(help));
    }

    /// Reports an error if a field that is required for a new resource is not given.
    pub fn required(&mut self, name: &str, field: &impl Given, help: &str) {
        if self.existing.is_none() && field.given().is_none() {
            self.error(self.name.span, format!("`{name}` is not given"), help);
        }
    }

    /// Returns the value of a setting whose default is true. kmsctl does not manage the settings of a
    /// resource that it did not create.
    #[must_use]
    pub fn default_true(&self, given: Option<bool>) -> Option<bool> {
        if self.existing.is_some() { None } else { given.or(Some(true)) }
    }

    /// Reports an Availability Zone of another Region.
    pub fn zone(&mut self, zone: Option<&Text>) {
        let Some(zone) = zone.filter(|_| self.region_known) else {
            return;
        };
        let region = &self.place.region;
        let rest = zone.value.strip_prefix(region.as_str());
        // `a`, or `-lax-1a` for a Local Zone.
        if !rest.is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_lowercase())) {
            let message = format!("`{}` is not an Availability Zone of {region}", zone.value);
            let help = format!("write its name, such as `{region}a`");
            self.error(zone.span, message, help);
        }
    }

    /// Returns AWS's name of the resource, if the configuration decides it: `existing`, or its own name.
    #[must_use]
    pub fn name_in_aws(&self) -> &Text {
        self.existing.unwrap_or(self.name)
    }
}

/// A declared resource of one kind.
struct Declaration<T: Consumer> {
    shared: SharedFields,
    own: <T::Settings as Settings>::Fields,
    span: Span,
    kind: PhantomData<T>,
}

impl<T: Consumer> Declaration<T> {
    /// Returns whether a Region has exactly one resource of the kind.
    fn is_single() -> bool {
        T::FACTS.identity == super::consumer::Identity::Single
    }

    fn properties() -> Vec<Property> {
        let docs = std::slice::from_ref(&T::SYNTAX.key);
        let schema = if T::SYNTAX.removable_key { Settable::<Text>::schema } else { Text::schema };
        let required = !Self::is_single();
        let key = Property { name: "key", docs, schema, required, marks: Vec::new() };
        let own = <T::Settings as Settings>::Fields::properties();
        let shared = SharedFields::properties::<T>();
        [key].into_iter().chain(own).chain(shared).collect()
    }
}

impl<T: Consumer> Decode for Declaration<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        known_fields(node, &Self::fields(), Self::schema, d)?;
        let shared = SharedFields::read(node, &T::SYNTAX, Self::is_single(), d);
        let own = Record::read(node, d);
        Some(Self { shared: shared?, own: own?, span: node.span, kind: PhantomData })
    }

    fn fields() -> Vec<&'static str> {
        Self::properties().iter().map(|property| property.name).collect()
    }

    fn schema() -> Json {
        let schema = object(T::SYNTAX.resource, &Self::properties());
        form::with(schema, json!({"example": T::SYNTAX.example}))
    }

    fn example() -> Option<String> {
        Some(T::SYNTAX.example.to_owned())
    }
}

/// A declared resource of any kind.
pub trait AnyDeclaration: fmt::Debug {
    /// Returns the syntax in which users declare resources of the kind.
    fn syntax(&self) -> &'static Syntax;

    /// Returns the fields that all consumers share.
    fn shared(&self) -> &SharedFields;

    /// Returns the position of the declaration.
    fn span(&self) -> Span;

    /// Returns the given fields of the kind that are not possible beside `existing`, and their positions.
    fn given(&self) -> Vec<(&'static str, Span)>;

    /// Checks the rules between the fields, and returns the declared form and the access to the key
    /// that the resource needs. `used_by` are the ARNs of the principals that use the resource.
    fn resolve(
        &self,
        common: Common,
        used_by: &[String],
        check: &mut Check<'_>,
    ) -> (ConsumerSpec, Vec<Need>);
}

impl<T: Consumer> fmt::Debug for Declaration<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declaration").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl<T: Consumer + 'static> AnyDeclaration for Declaration<T>
where
    Spec<T::Settings>: Into<ConsumerSpec>,
{
    fn syntax(&self) -> &'static Syntax {
        &T::SYNTAX
    }

    fn shared(&self) -> &SharedFields {
        &self.shared
    }

    fn span(&self) -> Span {
        self.span
    }

    fn given(&self) -> Vec<(&'static str, Span)> {
        T::Settings::given(&self.own)
    }

    fn resolve(
        &self,
        common: Common,
        used_by: &[String],
        check: &mut Check<'_>,
    ) -> (ConsumerSpec, Vec<Need>) {
        let settings = T::declared(&self.own, check);
        let spec = Spec { common, settings };
        let scene = Scene { place: check.place, name: &check.name_in_aws().value, used_by };
        let needs = T::needs(&spec, &self.own, &scene);
        (spec.into(), needs)
    }
}

/// The declarations of one kind, by the names that the user chose.
pub type Declarations = Vec<(Text, Box<dyn AnyDeclaration>)>;

/// Reads the declarations of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// The syntax in which users declare resources of the kind.
    pub syntax: &'static Syntax,
    /// Reads the kind's list in a section. A declaration with errors is left out.
    pub read: fn(section: &Node, d: &mut Diagnostics) -> Declarations,
    /// Returns the JSON Schema of the kind's list.
    pub schema: fn() -> Json,
    /// Returns the names of the fields of a declaration.
    pub fields: fn() -> Vec<&'static str>,
    /// Returns the kind's list with a declaration, as help shows it.
    pub example: fn() -> Option<String>,
}

impl Reader {
    /// Returns the reader of a kind.
    #[must_use]
    pub fn of<T: Consumer + 'static>() -> Self
    where
        Spec<T::Settings>: Into<ConsumerSpec>,
    {
        Self {
            syntax: &T::SYNTAX,
            read: read::<T>,
            schema: schema::<T>,
            fields: Declaration::<T>::fields,
            example: example::<T>,
        }
    }
}

fn read<T: Consumer + 'static>(section: &Node, d: &mut Diagnostics) -> Declarations
where
    Spec<T::Settings>: Into<ConsumerSpec>,
{
    let list = T::SYNTAX.list.0;
    let mut declarations: Declarations = Vec::new();
    if Declaration::<T>::is_single() {
        if let Some(Some(Part(Some(one)))) =
            field::<Option<Part<Declaration<T>>>>(section, list, &[], d)
        {
            let name = Text { span: one.span, value: String::new() };
            declarations.push((name, Box::new(one)));
        }
    } else if let Some(Named(all)) = field::<Named<Part<Declaration<T>>>>(section, list, &[], d) {
        for (name, Part(declaration)) in all {
            if let Some(declaration) = declaration {
                declarations.push((name, Box::new(declaration)));
            }
        }
    }
    declarations
}

fn schema<T: Consumer>() -> Json {
    if Declaration::<T>::is_single() {
        Option::<Declaration<T>>::schema()
    } else {
        form::with(
            Named::<Declaration<T>>::schema(),
            json!({"propertyNames": ResourceName::schema()}),
        )
    }
}

fn example<T: Consumer>() -> Option<String> {
    match Declaration::<T>::is_single() {
        true => Declaration::<T>::example(),
        false => Named::<Declaration<T>>::example(),
    }
}
