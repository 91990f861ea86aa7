package web

import (
	"html/template"
	"strconv"

	"understudy/examples/shop/internal/shop"
)

type listing struct {
	Products   []shop.Product
	Words      string
	Page, Last int
}

// Previous and Next are the pages beside this one; 0: there is none.
func (l listing) Previous() int { return l.Page - 1 }

// Next is the page after this one; 0: there is none.
func (l listing) Next() int {
	if l.Page >= l.Last {
		return 0
	}
	return l.Page + 1
}

func home(v *Visit) error {
	found, _, err := v.Site.Catalogue.Page(v.Context(), 1, 8)
	if err != nil {
		return err
	}
	return v.Show(pages, "home", "Corner Shop", listing{Products: found})
}

func (v *Visit) listing() (listing, error) {
	page, err := strconv.Atoi(v.R.FormValue("page"))
	if err != nil || page < 1 || page > 10_000 {
		page = 1
	}
	size := v.Site.PageSize
	found, all, err := v.Site.Catalogue.Page(v.Context(), page, size)
	return listing{Products: found, Page: page, Last: (all + size - 1) / size}, err
}

func products(v *Visit) error {
	list, err := v.listing()
	if err != nil {
		return err
	}
	return v.Show(pages, "products", "Everything we sell", list)
}

func productsJSON(v *Visit) error {
	list, err := v.listing()
	if err != nil {
		return err
	}
	return v.JSON(map[string]any{"products": list.Products, "page": list.Page, "pages": list.Last})
}

func search(v *Visit) error {
	words := v.R.FormValue("q")
	found, err := v.Site.Catalogue.Search(v.Context(), words, v.Site.PageSize)
	if err != nil {
		return err
	}
	return v.Show(pages, "search", "Search", listing{Products: found, Words: words})
}

// Product is the product that the path names.
func (v *Visit) Product() (shop.Product, error) {
	id, err := v.ID()
	if err != nil {
		return shop.Product{}, err
	}
	return v.Site.Catalogue.Product(v.Context(), id)
}

func product(v *Visit) error {
	found, err := v.Product()
	if err != nil {
		return err
	}
	var panels []template.HTML
	for _, feature := range v.Site.Features {
		if feature.Panel == nil {
			continue
		}
		panel, err := feature.Panel(v, found)
		if err != nil {
			return err
		}
		if panel != "" {
			panels = append(panels, panel)
		}
	}
	return v.Show(pages, "product", found.Title, map[string]any{"Product": found, "Panels": panels})
}

func productJSON(v *Visit) error {
	found, err := v.Product()
	if err != nil {
		return err
	}
	return v.JSON(found)
}
