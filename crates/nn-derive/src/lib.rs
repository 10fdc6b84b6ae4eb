//! The derive macro of `nn::Module`.
//!
//! It writes the walk over the fields, in declaration order, each under its own name; nothing else.
#![forbid(unsafe_code)]

use proc_macro::TokenStream;
use proc_macro2::{Ident, Span, TokenStream as Tokens};
use proc_macro_crate::{FoundCrate, crate_name};
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Index, Member, Result, parse_macro_input, parse_quote};

/// Implements `nn::Module` for a struct by visiting its fields.
///
/// A field marked `#[module(skip)]` is not visited; all others must implement `Module`, which parameters, buffers,
/// containers of modules, numbers, flags and strings do. Fields of tuple structs are named `0`, `1`, ….
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: DeriveInput) -> Result<Tokens> {
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        _ => {
            return Err(Error::new_spanned(
                &input.ident,
                "[derive(Module)] only structs have fields to visit; implement Module by hand for this type",
            ));
        }
    };
    let nn = nn_path();
    let mut walks = Vec::new();
    for (i, field) in fields.iter().enumerate() {
        if is_skipped(field)? {
            continue;
        }
        let (member, name): (Member, Tokens) = match (&field.ident, fields) {
            (Some(ident), Fields::Named(_)) => {
                let text = ident.to_string();
                let text = text.strip_prefix("r#").unwrap_or(&text);
                (ident.clone().into(), quote!(#nn::Name::Field(#text)))
            }
            _ => (Index::from(i).into(), quote!(#nn::Name::Index(#i))),
        };
        walks.push((member, name));
    }
    let visits = |method: &str| -> Vec<Tokens> {
        let method = Ident::new(method, Span::call_site());
        let borrow = if method == "visit" { quote!(&) } else { quote!(&mut) };
        walks
            .iter()
            .map(|(member, name)| {
                quote! {
                    visitor.enter(#name);
                    #nn::Module::#method(#borrow self.#member, visitor);
                    visitor.leave();
                }
            })
            .collect()
    };
    let (shared, exclusive) = (visits("visit"), visits("visit_mut"));
    let ident = &input.ident;
    let mut generics = input.generics.clone();
    for param in generics.type_params_mut() {
        param.bounds.push(parse_quote!(#nn::Module));
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

/// Whether the field carries `#[module(skip)]`; any other content is an error.
fn is_skipped(field: &syn::Field) -> Result<bool> {
    let mut skip = false;
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| match meta.path.is_ident("skip") {
            true => {
                skip = true;
                Ok(())
            }
            false => Err(meta.error("[derive(Module)] the only field attribute is #[module(skip)]")),
        })?;
    }
    Ok(skip)
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
