//! The derive macro of `nn::Module`.
//!
//! It writes the walk over the fields, in declaration order, each under its own name; nothing else.
#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span, TokenStream as Tokens, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Field, Index, LitStr, Member, Result, Type, parse_macro_input, parse_quote,
};

/// Implements `nn::Module` for a struct by visiting its fields.
///
/// A field marked `#[module(skip)]` is not visited, one marked `#[module(flatten)]` has the names of its fields and none of its
/// own, and one marked `#[module(name = "LayerNorm")]` goes by that name, for names of published weights that are none in Rust;
/// all but the skipped must implement `Module`, which parameters, buffers, containers of modules, numbers, flags and strings do.
/// Fields of tuple structs are named `0`, `1`, …. A type parameter
/// must be a `Module` if a visited field mentions it.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: DeriveInput) -> Result<Tokens> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "[derive(Module)] only structs have fields to visit; implement Module by hand for this type",
        ));
    };
    let nn = nn_path();
    let (mut shared, mut exclusive, mut visited) = (Vec::new(), Vec::new(), Vec::new());
    for (i, field) in data.fields.iter().enumerate() {
        let attributes = attributes(field)?;
        if attributes.skip {
            continue;
        }
        let member: Member = match &field.ident {
            Some(ident) => ident.clone().into(),
            None => Index::from(i).into(),
        };
        let name = match (attributes.name, &field.ident) {
            (Some(name), _) => quote!(#nn::Name::Field(#name)),
            (None, Some(ident)) => {
                let text = ident.to_string();
                let text = text.strip_prefix("r#").unwrap_or(&text);
                quote!(#nn::Name::Field(#text))
            }
            (None, None) => quote!(#nn::Name::Index(#i)),
        };
        // At the type's place, so that the compiler points at the field that is no module.
        let span = Span::call_site().located_at(field.ty.span());
        let (enter, leave) = match attributes.flatten {
            true => Default::default(),
            false => (quote!(visitor.enter(#name);), quote!(visitor.leave();)),
        };
        shared.push(quote_spanned! {span=>
            #enter
            #nn::Module::visit(&self.#member, visitor);
            #leave
        });
        exclusive.push(quote_spanned! {span=>
            #enter
            #nn::Module::visit_mut(&mut self.#member, visitor);
            #leave
        });
        visited.push(&field.ty);
    }
    let ident = &input.ident;
    let mut generics = input.generics.clone();
    for param in generics.type_params_mut() {
        if visited.iter().any(|ty| mentions(ty, &param.ident)) {
            param.bounds.push(parse_quote!(#nn::Module));
        }
    }
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #nn::Module for #ident #ty_generics #where_clause {
            #[allow(unused_variables)]
            fn visit<'visit>(&'visit self, visitor: &mut dyn #nn::Visitor<'visit>) {
                #(#shared)*
            }
            #[allow(unused_variables)]
            fn visit_mut<'visit>(&'visit mut self, visitor: &mut dyn #nn::VisitorMut<'visit>) {
                #(#exclusive)*
            }
        }
    })
}

/// What `#[module(..)]` says of a field.
#[derive(Default)]
struct Attributes {
    skip: bool,
    flatten: bool,
    name: Option<LitStr>,
}

/// Reads `#[module(skip)]`, `#[module(flatten)]` and `#[module(name = "..")]`; any other content is an error.
fn attributes(field: &Field) -> Result<Attributes> {
    let mut all = Attributes::default();
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("skip") {
                all.skip = true;
                return Ok(());
            }
            if meta.path.is_ident("flatten") {
                all.flatten = true;
                return Ok(());
            }
            if !meta.path.is_ident("name") {
                let text =
                    "[derive(Module)] field attributes are #[module(skip)], #[module(flatten)] and #[module(name = \"..\")]";
                return Err(meta.error(text));
            }
            let name: LitStr = meta.value()?.parse()?;
            if name.value().is_empty() || name.value().contains('.') {
                let text =
                    "[derive(Module)] a name must have a letter and no dot; nest structs for longer paths";
                return Err(Error::new_spanned(name, text));
            }
            all.name = Some(name);
            Ok(())
        })?;
    }
    Ok(all)
}

/// Whether `ty` names the parameter `param`, other than as `PhantomData`, which is a module of anything.
fn mentions(ty: &Type, param: &Ident) -> bool {
    fn inside(tokens: Tokens, param: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == *param,
            TokenTree::Group(group) => inside(group.stream(), param),
            _ => false,
        })
    }
    let phantom =
        matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "PhantomData"));
    !phantom && inside(ty.to_token_stream(), param)
}

/// How the deriving crate names `nn`: directly, or through the facade.
fn nn_path() -> Tokens {
    let named = |found: FoundCrate, own: &str| match found {
        FoundCrate::Itself => Ident::new(own, Span::call_site()),
        FoundCrate::Name(name) => Ident::new(&name, Span::call_site()),
    };
    if let Ok(found) = crate_name("nn") {
        let name = named(found, "nn");
        return quote!(::#name);
    }
    if let Ok(found) = crate_name("ironloom") {
        let name = named(found, "ironloom");
        return quote!(::#name::nn);
    }
    quote!(::nn)
}
