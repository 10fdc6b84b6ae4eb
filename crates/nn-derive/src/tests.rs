//! What is refused, and what is asked of type parameters. That the walk is right is tested where it runs, in `nn`.

use super::*;

fn refusal(input: DeriveInput) -> String {
    expand(input).unwrap_err().to_string()
}

#[test]
fn enums_and_unions_are_refused_with_what_to_do() {
    let text = "[derive(Module)] only structs have fields to visit; implement Module by hand for this type";
    assert_eq!(
        refusal(parse_quote!(
            enum Either {
                Left(Linear),
                Right(Linear),
            }
        )),
        text
    );
    assert_eq!(refusal(parse_quote!(union Both { a: u32, b: f32 })), text);
}

#[test]
fn an_attribute_that_is_none_of_the_three_is_refused() {
    let text = "[derive(Module)] field attributes are #[module(skip)], #[module(flatten)] and #[module(name = \"..\")]";
    assert_eq!(
        refusal(parse_quote!(
            struct Net {
                #[module(skipped)]
                cache: Cache,
            }
        )),
        text
    );
    assert_eq!(
        refusal(parse_quote!(
            struct Net {
                #[module(skip, rename)]
                cache: Cache,
            }
        )),
        text
    );
    for name in ["", "a.b"] {
        let refused = refusal(parse_quote!(
            struct Net {
                #[module(name = #name)]
                cache: Cache,
            }
        ));
        assert!(refused.contains("a name must have a letter and no dot"), "{refused}");
    }
    // In the parser's words.
    let bare = refusal(parse_quote!(
        struct Net {
            #[module]
            cache: Cache,
        }
    ));
    assert!(bare.contains("parentheses"), "{bare}");
}

/// The generics of the generated `impl`.
fn generics(input: DeriveInput) -> String {
    let implementation: syn::ItemImpl = syn::parse2(expand(input).unwrap()).unwrap();
    implementation.generics.to_token_stream().to_string()
}

#[test]
fn only_type_parameters_of_visited_fields_must_be_modules() {
    assert_eq!(
        generics(parse_quote!(
            struct Net<A> {
                a: Vec<Option<A>>,
            }
        )),
        "< A : :: nn :: Module >"
    );
    assert_eq!(
        generics(parse_quote!(
            struct Net<A: Clone> {
                #[module(skip)]
                a: A,
            }
        )),
        "< A : Clone >"
    );
    assert_eq!(
        generics(parse_quote!(
            struct Net<'a, A, const N: usize> {
                b: [A; N],
                c: &'a str,
            }
        )),
        "< 'a , A : :: nn :: Module , const N : usize >"
    );
    assert_eq!(
        generics(parse_quote!(
            struct Net<A> {
                a: std::marker::PhantomData<A>,
            }
        )),
        "< A >"
    );
}
